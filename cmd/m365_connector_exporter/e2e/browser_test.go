//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// browser is a headless Chromium, driven by the DevTools protocol over a pair of pipes: no port, no client library.
type browser struct {
	t       testing.TB
	out     *os.File
	session string

	mu      sync.Mutex
	next    int
	waiting map[int]chan message
	loaded  chan struct{}
	broken  []string // violations of the content security policy, and errors that the browser logs
}

// message is a frame of the protocol, in either direction.
type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

// startBrowser starts Chromium with one empty page. It ends with the test.
func startBrowser(t testing.TB) *browser {
	t.Helper()
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--hide-scrollbars",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // file descriptors 3 and 4, as Chromium expects them
	if err := cmd.Start(); err != nil {
		t.Fatalf("chromium: %v", err)
	}
	_ = theirIn.Close()
	_ = theirOut.Close()
	b := &browser{t: t, out: ourOut, waiting: map[int]chan message{}, loaded: make(chan struct{}, 64)}
	done := make(chan struct{})
	go func() { defer close(done); b.listen(ourIn) }()
	t.Cleanup(func() {
		_ = ourOut.Close() // Chromium ends with its pipe
		end := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		end.Stop()
		<-done
		_ = ourIn.Close()
	})
	b.attach()
	return b
}

func (b *browser) attach() {
	var targets struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	var attached struct{ SessionID string }
	b.call("Target.getTargets", nil, &targets)
	for _, target := range targets.TargetInfos {
		if target.Type == "page" {
			b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
		}
	}
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Audits", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
}

// listen reads frames until the pipe ends.
func (b *browser) listen(in *os.File) {
	frames := bufio.NewReader(in)
	for {
		frame, err := frames.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(frame[:len(frame)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		switch {
		case m.ID > 0:
			b.waiting[m.ID] <- m
			delete(b.waiting, m.ID)
		case m.Method == "Page.loadEventFired":
			b.loaded <- struct{}{}
		case bytes.Contains(frame, []byte("NavigationEntryMarkedSkippable")): // caused by a click from a script
		case m.Method == "Log.entryAdded", m.Method == "Audits.issueAdded", m.Method == "Runtime.exceptionThrown":
			b.broken = append(b.broken, string(frame[:min(len(frame)-1, 800)]))
		}
		b.mu.Unlock()
	}
}

// call calls a method of the browser and decodes the response into result, unless result is nil.
func (b *browser) call(method string, params map[string]any, result any) {
	b.t.Helper()
	if params == nil {
		params = map[string]any{}
	}
	answer := make(chan message, 1)
	b.mu.Lock()
	b.next++
	m := message{ID: b.next, Session: b.session, Method: method, Params: params}
	b.waiting[m.ID] = answer
	b.mu.Unlock()
	frame, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.out.Write(append(frame, 0)); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	select {
	case got := <-answer:
		if got.Error != nil {
			b.t.Fatalf("%s: %s", method, got.Error)
		}
		if result != nil {
			if err := json.Unmarshal(got.Result, result); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
	case <-time.After(patience):
		b.t.Fatalf("%s: no response", method)
	}
}

// open goes to a page and returns when it is loaded.
func (b *browser) open(url string) {
	b.t.Helper()
	b.awaitLoad(func() { b.call("Page.navigate", map[string]any{"url": url}, nil) })
}

// click follows the first link that the selector finds.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.awaitLoad(func() {
		var found bool
		b.eval(fmt.Sprintf(`(() => { const e = document.querySelector(%q); if (e) e.click(); return !!e })()`,
			selector), &found)
		if !found {
			b.t.Fatalf("nothing to click at %s", selector)
		}
	})
}

// awaitLoad runs an action that loads another page and waits for the load event.
func (b *browser) awaitLoad(action func()) {
	b.t.Helper()
	for len(b.loaded) > 0 {
		<-b.loaded
	}
	action()
	select {
	case <-b.loaded:
	case <-time.After(patience):
		b.t.Fatal("the page did not load")
	}
}

// eval evaluates JavaScript in the page. The page itself contains none.
func (b *browser) eval(expression string, value any) {
	b.t.Helper()
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &got)
	if got.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, got.ExceptionDetails)
	}
	if err := json.Unmarshal(got.Result.Value, value); err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
}

// setViewport sets the size of the window and the reader's preference, light or dark.
func (b *browser) setViewport(width int, scheme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": 900, "deviceScaleFactor": 1,
		"mobile": width < 600,
	}, nil)
	b.call("Emulation.setEmulatedMedia",
		map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}
