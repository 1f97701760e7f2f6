//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

const pageConfig = `global: { allow_networks: [127.0.0.0/8], min_gap_per_address: 10ms }
probe: { interval: 2s, timeout: 1s, hello_name: prober.contoso.test }
tenants:
- name: contoso
  accepted_domains: [{ domain_name: contoso.test, default: true }]
  outbound_connectors:
  - name: "To <b>hostile</b> servers"
    connector_type: OnPremises
    use_mx_record: false
    smart_hosts: [127.0.0.1]
    tls_settings: EncryptionOnly
    validation_recipients: [anna.secret@contoso.test]
    probe: { port: %d }
  - name: Both ways
    connector_type: OnPremises
    use_mx_record: true
    recipient_domains: [contoso.test]
    smart_hosts: [mail.contoso.test]
    enabled: true
    probe: { enabled: false }
  inbound_connectors:
  - name: From everywhere
    connector_type: OnPremises
    sender_ip_addresses: [198.51.100.0/28]
    probe: { enabled: false }
  senders:
  - { name: printer, connector: From everywhere, addresses: [198.51.100.7], mail_from_domains: [contoso.test],
      relays: internal }
`

// TestPages reads the pages of the running binary in a browser: at three widths, light and dark, from the findings to
// a path and its transcript. Every text of the probed server is hostile.
func TestPages(t *testing.T) {
	dir := t.TempDir()
	binary, file := filepath.Join(dir, "m365_connector_exporter"), filepath.Join(dir, "config.yaml")
	run(t, "..", "go", "build", "-o", binary, ".")
	writeFile(t, file, fmt.Sprintf(pageConfig, startHostile(t)), 0o600)
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	d := &daemon{url: "http://" + listen, process: start(t, binary, "serve", "--config.file="+file,
		"--web.listen-address="+listen)}
	d.listens(listen)
	eventually(t, time.Minute, func() string {
		if _, body := d.http(http.MethodGet, "/"); !strings.Contains(body, "recipient_unknown") ||
			!strings.Contains(body, "check-smart_hosts_ignored") {
			return "the page shows no failure or no finding:\n" + body
		}
		return ""
	})
	b := startBrowser(t)
	b.setViewport(1000, "light")
	b.walkByKeyboard(t, d.url)
	for _, width := range []int{390, 820, 1440} {
		for _, scheme := range []string{"light", "dark"} {
			b.setViewport(width, scheme)
			b.walk(t, d.url)
		}
	}
	if len(b.broken) > 0 {
		t.Errorf("errors in the browser:\n%s", strings.Join(b.broken, "\n"))
	}
	log := d.out.String()
	if strings.ContainsAny(log, "\x1b\x07\u202e") || strings.Contains(log, "\xff") ||
		strings.Contains(log, "anna.secret") {
		t.Errorf("the log contains unescaped text of a peer:\n%q", log)
	}
}

// checkHarmless asserts that the text contains no terminal control characters, no invalid UTF-8 and no mailbox.
func checkHarmless(t *testing.T, where, text string) {
	t.Helper()
	if strings.ContainsAny(text, "\x1b\x07\u202e") || !utf8.ValidString(text) || strings.Contains(text, "anna.secret") {
		t.Errorf("%s contains unescaped text of a peer:\n%q", where, text)
	}
}

// walk follows the links from the front page to a finding, a path and its transcript, and opens the other pages.
func (b *browser) walk(t *testing.T, url string) {
	t.Helper()
	b.open(url + "/?refresh=off")
	b.check(t, "1 of 1 path fails.", "A connector that uses the MX record also has smart hosts", "Remedy",
		"To <b>hostile</b> servers")
	b.click(`#findings a[href^="reference#"]`)
	b.check(t, "Checks", "certificate_expired")
	b.open(url + "/?refresh=off")
	b.click(`#problems .card h3 a`)
	b.check(t, "fails at Test message (envelope)", "the server reports that the recipient does not exist",
		"a***@contoso.test", "History", "Rounds since the start", "took", "<b>evil</b>.example")
	b.open(url + "/?refresh=off")
	b.click(`#paths td.failed a`)
	b.check(t, "Transcript", `<script>document.title='owned'</script>`, "STARTTLS", `\u001b]0;owned`, `\xff`)
	var place string
	b.eval("location.hash", &place)
	if place != "#e0" {
		t.Errorf("the cell links to %q, want #e0", place)
	}
	b.chain(t, `Leaf <script>document.title='owned'</script>`, `Root <b>The CA</b>`)
	b.click(`nav a[href="attribution"]`)
	b.check(t, "contoso › From everywhere › printer", "MAIL FROM contoso.test from 198.51.100.7",
		"Fewer than two tenants are configured here")
	b.open(url + "/attribution?ip=198.51.100.7&mail-from=contoso.test")
	b.check(t, "one tenant", "Attributed to contoso by ", "through connector From everywhere")
	for page, text := range map[string]string{
		"tenants":      "1 of 1 tenant has a path that fails",
		"findings":     "A connector that uses the MX record also has smart hosts",
		"certificates": "issued by <b>The CA</b>", "tenant/contoso": "contoso: 1 of 1 path fails.",
		"reference?q=5.7.64": "occurs in", "calendar": "Changes that are known in advance",
		"round-trips": "No round trip is configured",
	} {
		b.open(url + "/" + page)
		b.check(t, text)
	}
	b.open(url + "/reference")
	b.click(`a[href="runbooks/M365ConnectorDown"]`)
	b.check(t, "M365ConnectorDown", "Causes and remedies", "Who else is affected")
	b.click(`a[href="../reference#reasons"]`)
	b.check(t, "Why a stage did not pass.")
	b.open(url + "/?q=hostile&state=failed&refresh=off")
	b.check(t, "1 path shown", "To <b>hostile</b> servers")
	b.open(url + "/?q=nobody&refresh=off")
	b.check(t, "No path matches.", "No finding matches.")
}

// walkByKeyboard goes from the front page to a path, and through the search, by keys alone.
func (b *browser) walkByKeyboard(t *testing.T, url string) {
	t.Helper()
	b.open(url + "/")
	b.tabTo(t, `a.skip`)
	b.tabTo(t, `main .tools a.button`)
	b.awaitLoad(func() { b.press("Enter") })
	b.tabTo(t, `input[name=q]`)
	b.call("Input.insertText", map[string]any{"text": "hostile"}, nil)
	time.Sleep(100 * time.Millisecond)
	var typed struct {
		Value    string
		Refreshs bool
	}
	b.eval(`({Value: document.activeElement.value,
		Refreshs: !!document.querySelector('meta[http-equiv=refresh]')})`, &typed)
	if typed.Value != "hostile" || typed.Refreshs {
		t.Errorf("the field holds %q; the page refreshes itself: %t", typed.Value, typed.Refreshs)
	}
	b.awaitLoad(func() { b.press("Enter") })
	b.check(t, "1 path shown")
	b.tabTo(t, `#problems h3 a`)
	b.awaitLoad(func() { b.press("Enter") })
	b.check(t, "fails at Test message (envelope)")
	b.tabTo(t, `#history summary`)
	b.press("Enter")
	var open bool
	b.eval(`document.querySelector('#history details').open`, &open)
	if !open {
		t.Error("Enter does not unfold the list of rounds")
	}
	b.open(b.place())
	b.tabTo(t, `main a.button[href*="probe=now"]`)
	b.awaitLoad(func() { b.press("Enter") })
	b.check(t, "Probe just now", "does not change the verdict")
}

// tabTo presses Tab until an element has the focus. Every element on the way must show that it has it.
func (b *browser) tabTo(t *testing.T, selector string) {
	t.Helper()
	for range 150 {
		b.press("Tab")
		var focus struct {
			There, Visible bool
			Element        string
		}
		b.eval(fmt.Sprintf(`(() => {
			const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect()
			return {There: e.matches(%q), Element: e.outerHTML.slice(0, 120),
				Visible: e === document.body || style.outlineStyle !== 'none' && box.width > 0 && box.left >= 0}
		})()`, selector), &focus)
		if !focus.Visible {
			t.Errorf("%s: the focus is not visible on %s", b.place(), focus.Element)
		}
		if focus.There {
			return
		}
	}
	t.Fatalf("%s: Tab does not lead to %s", b.place(), selector)
}

// place returns the address of the page.
func (b *browser) place() (address string) {
	b.t.Helper()
	b.eval(`location.href`, &address)
	return address
}

// press presses a key and lets it go.
func (b *browser) press(key string) {
	b.t.Helper()
	code := map[string]int{"Tab": 9, "Enter": 13}[key]
	event := map[string]any{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code}
	if key == "Enter" {
		event["text"] = "\r"
	}
	b.call("Input.dispatchKeyEvent", event, nil)
	b.call("Input.dispatchKeyEvent",
		map[string]any{"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code}, nil)
}

// chain asserts that the opened cell shows these certificates with all their properties.
func (b *browser) chain(t *testing.T, begins ...string) {
	t.Helper()
	var shown []string
	b.eval(`[...document.querySelectorAll(':target ol.chain > li')].filter(e => e.checkVisibility() && e.offsetHeight > 0)
		.map(e => e.textContent.replace(/\s+/g, ' ').trim())`, &shown)
	if len(shown) != len(begins) {
		t.Fatalf("the cell shows %d certificates: %q", len(shown), shown)
	}
	for i, begin := range begins {
		for _, want := range []string{" issued by <b>The CA</b>", " left of ", "ECDSA 256 bit", "serial 1 ", "SHA-256 "} {
			if !strings.HasPrefix(shown[i], begin) || !strings.Contains(shown[i], want) {
				t.Errorf("certificate %d: want prefix %q and %q in %q", i, begin, want, shown[i])
			}
		}
	}
}

// check asserts that the page contains the texts, is not wider than the window and has no element from a peer.
func (b *browser) check(t *testing.T, texts ...string) {
	t.Helper()
	var page struct {
		Text, Title, Place string
		Over               int
		Styled             bool
		Foreign            int
	}
	b.eval(`({
		Text: document.body.textContent.replace(/\s+/g, ' '), Title: document.title, Place: location.href,
		Over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
		Styled: document.styleSheets.length === 1 &&
			getComputedStyle(document.querySelector('.hero')).borderLeftWidth === '5px',
		Foreign: document.querySelectorAll('script, iframe, [onerror], b:not([class] b), img:not([alt=""])').length,
	})`, &page)
	for _, want := range texts {
		if !strings.Contains(page.Text, want) {
			t.Errorf("%s: no %q in\n%.3000s", page.Place, want, page.Text)
		}
	}
	if page.Over > 0 || !page.Styled || strings.Contains(page.Title, "owned") {
		t.Errorf("%s: %d pixels too wide, styled %t, title %q", page.Place, page.Over, page.Styled, page.Title)
	}
	if page.Foreign > 0 {
		t.Errorf("%s: %d elements from text of a peer", page.Place, page.Foreign)
	}
	checkHarmless(t, page.Place, page.Text)
	b.checkReadable(t)
}
