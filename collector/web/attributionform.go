package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes/mailflow"
)

// messageForm asks which tenant a message would be attributed to, as the command `attribute` does. The fields are
// named like its flags.
type messageForm struct {
	IP, Names, MailFrom, RcptTo string
	Error                       string
	Answer                      *messageRow
}

// formParameters are the fields of the form.
var formParameters = []string{"ip", "certificate-name", "mail-from", "rcpt-to"}

const (
	maxField = 512 // bytes
	maxAsked = 20  // names of a certificate
)

// readForm reads the fields and answers the question, if one is asked.
func readForm(r *http.Request, v *collector.Snapshot) messageForm {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return messageForm{} // readFilter reports it
	}
	form := messageForm{}
	for name, field := range map[string]*string{
		"ip": &form.IP, "certificate-name": &form.Names, "mail-from": &form.MailFrom, "rcpt-to": &form.RcptTo,
	} {
		*field = strings.TrimSpace(values.Get(name))
		if len(*field) > maxField {
			form.Error = fmt.Sprintf("%s must not be longer than %d bytes", name, maxField)
			return form
		}
	}
	if form.IP+form.Names+form.MailFrom+form.RcptTo == "" {
		return form
	}
	names := strings.FieldsFunc(form.Names, func(r rune) bool { return strings.ContainsRune(" ,;\t", r) })
	if len(names) > maxAsked {
		form.Error = fmt.Sprintf("certificate-name has %d names; at most %d are accepted", len(names), maxAsked)
		return form
	}
	message, err := mailflow.MessageText{
		IP: form.IP, CertificateNames: names, MailFrom: form.MailFrom, RcptTo: form.RcptTo,
	}.Parse()
	if err != nil {
		form.Error = err.Error()
		return form
	}
	tenants := v.Tenants
	if v.Report != nil {
		tenants = v.Report.Tenants // with the certificates that senders present
	}
	answer := newAnswer(mailflow.Attribute(tenants, message))
	form.Answer = &answer
	return form
}

// newAnswer shows an attribution: it is passed if there is one tenant, inconclusive if there are several.
func newAnswer(a mailflow.Attribution) messageRow {
	row := newMessageRow(a, pathRow{})
	switch len(a.Tenants) {
	case 0:
		row.State = collector.StatusFailed
	case 1:
		row.State = collector.StatusPassed
	default:
		row.State = collector.StatusInconclusive
	}
	return row
}
