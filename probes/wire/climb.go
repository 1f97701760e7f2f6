package wire

import (
	"context"
	"net"
	"time"

	"m365_connector_exporter/probes"
)

// climb is the way up at one address.
type climb struct {
	w    *Prober
	path *probes.Path
	ep   *probes.Endpoint
	turn *messageTurn

	ctx       context.Context
	stage     probes.Stage
	start     time.Time
	end       time.Time // of the whole budget
	raw       net.Conn
	conn      net.Conn // raw, or TLS over it
	in        *replyReader
	log       transcript
	offered   string // the EHLO reply, a capability on each line but the first
	throttled bool
	mute      bool // the peer is silent or talks nonsense: QUIT is said, its reply not awaited
	broken    bool // no command could be understood any more: QUIT is not even said
	secured   bool
	stop      func() bool
}

// stages are what is done at each stage that an address has. They return nil where it passed and there is nothing to add.
var stages = [probes.NumStages]func(*climb) *probes.Step{
	probes.Connect: (*climb).connect, probes.EHLO: (*climb).hello, probes.TLSStage: (*climb).startTLS,
	probes.Recipient: (*climb).envelope, probes.Message: (*climb).message,
}

// climb waits for admission and takes the stages in order until one does not pass. The budget starts after admission: a long
// queue must not look like a slow server.
func (c *climb) climb(ctx context.Context) {
	c.ctx, c.stage = ctx, probes.Connect
	leave, err := c.w.opts.Limiter.Acquire(ctx, c.path.ID.Tenant, c.ep.Addr.Addr())
	if err != nil {
		c.ep.Steps[probes.Connect] = *c.fail(probes.ReasonCanceled, "while waiting for its turn: "+err.Error())
		return
	}
	defer func() { c.hangUp(); leave(c.throttled) }()
	c.start = time.Now()
	c.log.start = c.start
	c.end = c.start.Add(c.budget())
	for s := probes.Connect; s <= c.path.Settings.Until && s < probes.NumStages; s++ {
		began := time.Now()
		c.stage = s
		if how := stages[s](c); !c.finish(s, how, time.Since(began)) {
			return
		}
	}
}

// finish records a stage and reports whether it passed.
func (c *climb) finish(s probes.Stage, how *probes.Step, took time.Duration) bool {
	if how == nil {
		how = passed("")
	}
	if how.Outcome != probes.Passed && c.ctx.Err() != nil {
		how = &probes.Step{Outcome: probes.Inconclusive, Reason: probes.ReasonCanceled, Detail: "the probe was interrupted"}
	}
	how.Duration = took
	c.ep.Steps[s] = *how
	return how.Outcome == probes.Passed
}

func (c *climb) budget() time.Duration {
	if c.path.Settings.Timeout > 0 {
		return c.path.Settings.Timeout
	}
	return 30 * time.Second
}

// commandEnd keeps a tenth of the budget, two seconds at most, for a polite end.
func (c *climb) commandEnd() time.Time {
	return c.end.Add(-min(2*time.Second, c.budget()/10))
}

func (c *climb) fail(reason probes.Reason, detail string) *probes.Step {
	return &probes.Step{Outcome: reason.Outcome(), Reason: reason, Detail: probes.Sanitise(detail, maxDetail)}
}

func (c *climb) refuse(reason probes.Reason, r probes.Reply) *probes.Step {
	if reason == probes.ReasonThrottled {
		c.throttled = true
	}
	return &probes.Step{Outcome: reason.Outcome(), Reason: reason, Detail: probes.Sanitise(replyLine(r), maxDetail), Reply: r}
}

func passed(detail string) *probes.Step { return &probes.Step{Outcome: probes.Passed, Detail: detail} }

// read reads one reply, until commandEnd: the connection got that deadline when it was made, for each new one costs a timer.
func (c *climb) read() (probes.Reply, *probes.Step) {
	r, err := c.in.read()
	if r.Code != 0 {
		c.log.add(probes.OriginServer, replyLine(r))
	}
	if err == nil {
		return r, nil
	}
	return r, c.unread(err)
}

// unread says why no reply came.
func (c *climb) unread(err error) *probes.Step {
	c.mute = true
	reason := readReason(err, probes.ReasonReplyTimeout)
	if alert, ok := alertCode(err); ok && c.secured && c.ep.TLS != nil {
		reason = alertReason(alert, clientAuth{c.ep.TLS.CertificateRequested, c.ep.TLS.ClientCertificateSent})
	}
	detail := err.Error()
	if reason == probes.ReasonConnectionClosed && c.stage == probes.TLSStage && c.uncertified() {
		detail += "; the server had asked for a client certificate, and none was presented"
	}
	return c.fail(reason, detail)
}

// say sends one command and reads its reply. shown is what the transcript keeps of the command.
func (c *climb) say(line, shown string) (probes.Reply, *probes.Step) {
	c.log.add(probes.OriginClient, shown)
	if _, err := c.conn.Write([]byte(line + "\r\n")); err != nil {
		c.broken = true
		if r, ok := c.lastWords(); ok {
			return r, nil
		}
		return probes.Reply{}, c.fail(readReason(err, probes.ReasonReplyTimeout), err.Error())
	}
	return c.read()
}

// lastWords reads what a peer said before it closed: a server that is about to hang up says why, unasked.
func (c *climb) lastWords() (probes.Reply, bool) {
	_ = c.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // it is here already, or never
	r, err := c.in.read()
	if err != nil {
		return r, false
	}
	c.log.add(probes.OriginServer, replyLine(r))
	return r, true
}

// hangUp says QUIT where someone may still listen, sends close_notify and closes. It may be called again.
func (c *climb) hangUp() {
	if c.raw == nil {
		return
	}
	until := time.Now().Add(2 * time.Second)
	if c.end.Before(until) {
		until = c.end
	}
	_ = c.conn.SetDeadline(until)
	if !c.broken && c.in != nil {
		c.log.add(probes.OriginClient, "QUIT")
		if _, err := c.conn.Write([]byte("QUIT\r\n")); err == nil && !c.mute {
			if r, err := c.in.read(); err == nil {
				c.log.add(probes.OriginServer, replyLine(r))
			}
		}
	}
	if c.conn != c.raw {
		_ = c.conn.Close() // close_notify
	}
	c.stop()
	_ = c.raw.Close()
	c.raw = nil
}
