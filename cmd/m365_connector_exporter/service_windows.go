package main

import (
	"context"
	"io"
	"os"

	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
)

// serviceName is the name of the service and of its event source.
const serviceName = program

// asService runs the program as a Windows service if the service control manager has started it, with its log in the
// event log. It reports whether it has.
func asService() (code int, ok bool) {
	if service, err := svc.IsWindowsService(); err != nil || !service {
		return 0, false
	}
	s := &service{args: os.Args[1:]}
	if err := svc.Run(serviceName, s); err != nil {
		return exitFailed, true
	}
	return s.code, true
}

type service struct {
	args []string
	code int
}

// Execute is called by the service control manager.
func (s *service) Execute(
	_ []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status,
) (specific bool, code uint32) {
	status <- svc.Status{State: svc.StartPending}
	log, closeLog := eventWriter()
	defer closeLog()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, hangups{}, s.args, io.Discard, log) }()
	status <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptShutdown}
	for {
		select {
		case s.code = <-ended:
			status <- svc.Status{State: svc.StopPending}
			return true, uint32(s.code) //nolint:gosec // an exit status
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				status <- r.CurrentStatus
			case svc.Stop, svc.Shutdown:
				status <- svc.Status{State: svc.StopPending}
				cancel() // run returns when every probe has ended
			}
		}
	}
}

// eventWriter returns a writer to the event log. It discards everything unless the event source is registered, which
// the installer does.
func eventWriter() (io.Writer, func()) {
	log, err := eventlog.Open(serviceName)
	if err != nil {
		return io.Discard, func() {}
	}
	const id = 1
	report := func(level eventLevel, line string) {
		switch level {
		case eventError:
			_ = log.Error(id, line)
		case eventWarning:
			_ = log.Warning(id, line)
		default:
			_ = log.Info(id, line)
		}
	}
	return events{report}, func() { _ = log.Close() }
}
