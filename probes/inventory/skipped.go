package inventory

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// other classifies values in an export that are not records of a [Kind].
type other uint8

const (
	notConnector     other = iota // transport rules, organization settings, reports, …
	sendConnector                 // Get-SendConnector of on-premises Exchange
	receiveConnector              // Get-ReceiveConnector of on-premises Exchange
	noDirection                   // a connector that has no property of one direction
	numOthers
)

// sendKeys and receiveKeys are properties, in lower case, that only connectors of on-premises Exchange have. Other
// properties exist in Exchange Online too: SmartHosts, RequireTLS, TlsDomain.
// https://learn.microsoft.com/powershell/module/exchangepowershell/set-sendconnector and set-receiveconnector
var (
	sendKeys = []string{
		"addressspaces", "dnsroutingenabled", "tlsauthlevel", "sourcetransportservers", "smarthostauthmechanism",
		"frontendproxyenabled", "isscopedconnector",
	}
	receiveKeys = []string{"bindings", "remoteipranges", "permissiongroups", "authmechanism", "transportrole"}
)

// distinctive are the keys that determine what a record is; their values do not matter.
var distinctive = func() map[string]bool {
	keys := map[string]bool{}
	for _, key := range slices.Concat(sendKeys, receiveKeys) {
		keys[key] = true
	}
	return keys
}()

// skipped counts the values of an export that are not read.
type skipped [numOthers]int

func (s *skipped) add(o other) { s[o]++ }

func (s *skipped) any() bool { return *s != skipped{} }

// String returns the number of values of each class.
func (s *skipped) String() string {
	var parts []string
	for o, n := range s {
		switch {
		case n == 0:
		case other(o) == sendConnector:
			parts = append(parts, fmt.Sprintf("%d of Get-SendConnector (on-premises Exchange)", n))
		case other(o) == receiveConnector:
			parts = append(parts, fmt.Sprintf("%d of Get-ReceiveConnector (on-premises Exchange)", n))
		case other(o) == noDirection:
			parts = append(parts, fmt.Sprintf("%d of connectors without a property of one direction (export all)", n))
		default:
			parts = append(parts, fmt.Sprintf("%d of another kind (not a connector, not an accepted domain)", n))
		}
	}
	return strings.Join(parts, ", ")
}

// otherFormat returns the name of the format of a file that is not JSON, "" if it is none that PowerShell writes.
func otherFormat(text []byte) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(string(text[:min(len(text), 4096)])), "\n")
	second, _, _ := strings.Cut(rest, "\n")
	switch lower := strings.ToLower(first); {
	case strings.HasPrefix(lower, "<!doctype html") || strings.HasPrefix(lower, "<html"):
		return "HTML, such as a page to sign in"
	case strings.HasPrefix(first, "<Objs") || strings.HasPrefix(first, "<?xml"):
		return "XML"
	case strings.HasPrefix(first, "#TYPE ") || isCSVHeader(first):
		return "CSV"
	case displayedList.MatchString(first) || displayedRule.MatchString(second):
		return "what PowerShell displays"
	default:
		return ""
	}
}

// displayedList matches a line of Format-List, displayedRule the line below the header of Format-Table.
var (
	displayedList = regexp.MustCompile(`^\w+ +: `)
	displayedRule = regexp.MustCompile(`^-+( +-+)*\s*$`)
)

// isCSVHeader reports whether a line is a list of at least two columns, at least one of which is a property.
func isCSVHeader(line string) bool {
	columns := strings.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(",;\t", c) })
	return len(columns) > 1 && !strings.ContainsAny(line, "{}[]:") &&
		slices.ContainsFunc(columns, func(c string) bool { return isProperty(strings.ToLower(strings.Trim(c, " \r\""))) })
}
