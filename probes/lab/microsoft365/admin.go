package microsoft365

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxRequest is how much of a request the server reads.
const maxRequest = 1 << 20

// exceptions of the admin API.
const (
	invocation     = "Microsoft.Exchange.AdminApi.CommandInvocation."
	transformation = invocation + "ParameterTransformationException"
	ambiguous      = "System.Management.Automation.ParameterBindingException|AmbiguousParameterSetException"
	notFound       = "System.Management.Automation.CommandNotFoundException"
	missingObject  = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"
	badPage        = "Microsoft.Exchange.AdminApi.InvalidPaginationRequestException"
)

// command is the body of an InvokeCommand request.
type command struct {
	CmdletInput struct {
		CmdletName string                     `json:"CmdletName"`
		Parameters map[string]json.RawMessage `json:"Parameters"`
	} `json:"CmdletInput"`
}

// admin verifies the token and the headers of a request to the admin API, counts it under its operation, which is the
// cmdlet's name if name is empty, and lets a fault reply.
func (s *Server) admin(name string, f endpointFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			apiError(w, http.StatusBadRequest, "BadRequest", "", err.Error())
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		operationName := name
		if name == "" {
			var c command
			_ = json.Unmarshal(body, &c) // invokeCommand reports it
			operationName = c.CmdletInput.CmdletName
		}
		t := s.tenantAt(r.PathValue("tenant"), r.Host, Cloud.servesAt)
		s.serve(w, r, s.operation(t, r, operationName), func(w http.ResponseWriter, r *http.Request) {
			if status := s.authorize(r, t); status != http.StatusOK {
				refuse(w, status)
				return
			}
			f(w, r, t)
		})
	})
}

// authorize returns 200 if the token is for the tenant and has both grants, 401 or 403 if not.
func (s *Server) authorize(r *http.Request, t *Tenant) int {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	c, valid := s.verify(token)
	switch {
	case !ok || !valid || t == nil || !strings.EqualFold(c.Tenant, t.ID) || s.now().After(time.Unix(c.Expires, 0)):
		return http.StatusUnauthorized
	case !isLoopback(r.Host) && !audienceServes(c.Audience, r.Host):
		return http.StatusUnauthorized
	case !slices.Contains(c.Roles, appRole):
		return http.StatusUnauthorized
	case len(c.DirectoryRole) == 0:
		return http.StatusForbidden
	}
	return http.StatusOK
}

// audienceServes reports whether a token for an audience is good at a host, be it a regional one.
func audienceServes(audience, host string) bool {
	name := strings.TrimPrefix(audience, "https://")
	host = withoutPort(host)
	return host == name || strings.HasSuffix(host, "."+name)
}

// refuse replies 401 without a body, or 403 with NUL bytes.
func refuse(w http.ResponseWriter, status int) {
	if status == http.StatusForbidden {
		Forbidden(w, nil, nil)
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer client_id="00000002-0000-0ff1-ce00-000000000000"`)
	w.WriteHeader(status)
}

var (
	anchor = regexp.MustCompile(
		`^(APP:SystemMailbox\{bb558c35-97f1-4cb9-8ff7-d53741dc928c\}|UPN:[^@\s]+)@([^@\s]+)$`)
	pageSize = regexp.MustCompile(`odata\.maxpagesize ?= ?(\d{1,4})(?:[;,]|$)`)
)

// headerError returns which header of an InvokeCommand request differs from what public clients send, nil if none.
func headerError(r *http.Request, t *Tenant) error {
	media, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	mailbox := anchor.FindStringSubmatch(r.Header.Get("X-AnchorMailbox"))
	switch {
	case media != "application/json" || !strings.EqualFold(parameters["charset"], "utf-8"):
		return fmt.Errorf("header Content-Type: %q, want application/json; charset=utf-8", r.Header.Get("Content-Type"))
	case mailbox == nil || !strings.EqualFold(mailbox[2], t.ID) && !strings.EqualFold(mailbox[2], t.Domain):
		return fmt.Errorf("header X-AnchorMailbox: %q, want the system mailbox of the tenant",
			r.Header.Get("X-AnchorMailbox"))
	case !pageSize.MatchString(r.Header.Get("Prefer")):
		return fmt.Errorf("header Prefer: %q, want odata.maxpagesize", r.Header.Get("Prefer"))
	case r.Header.Get("X-ResponseFormat") != "json":
		return fmt.Errorf("header X-ResponseFormat: %q, want json", r.Header.Get("X-ResponseFormat"))
	case !guid.MatchString(r.Header.Get("Client-Request-Id")):
		return fmt.Errorf("header client-request-id: %q, want a GUID", r.Header.Get("Client-Request-Id"))
	}
	return nil
}

// invokeCommand runs one cmdlet.
func (s *Server) invokeCommand(w http.ResponseWriter, r *http.Request, t *Tenant) {
	if err := headerError(r, t); err != nil {
		apiError(w, http.StatusBadRequest, "BadRequest", "", err.Error())
		return
	}
	var c command
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		apiError(w, http.StatusBadRequest, "BadRequest", "", err.Error())
		return
	}
	s.run(w, r, t, c)
}

// run replies with the records of a cmdlet.
func (s *Server) run(w http.ResponseWriter, r *http.Request, t *Tenant, c command) {
	name := c.CmdletInput.CmdletName
	known, ok := cmdlets[name]
	switch {
	case !ok || slices.Contains(t.Missing, name):
		apiError(w, http.StatusBadRequest, "BadRequest", notFound,
			fmt.Sprintf("The term '%s' is not recognized as the name of a cmdlet, function, script file, or operable "+
				"program.", name))
		return
	case slices.Contains(t.Denied, name):
		refuse(w, http.StatusForbidden)
		return
	case c.CmdletInput.Parameters == nil:
		apiError(w, http.StatusBadRequest, "BadRequest", transformation,
			"Parameters is null, want an object, {} for none.")
		return
	}
	records, exception, message := known.run(t, name, c.CmdletInput.Parameters)
	if exception != "" {
		apiError(w, http.StatusBadRequest, "BadRequest", exception, message)
		return
	}
	page, err := t.page(r, known, c, records)
	if err != nil {
		apiError(w, http.StatusBadRequest, "BadRequest", badPage, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, page)
}

// apiError writes the error envelope of the admin API. The message of the envelope is always the same; the real one is
// inside.
func apiError(w http.ResponseWriter, status int, code, exception, message string) {
	outer := message
	inner := map[string]any{"message": outer}
	if status == http.StatusBadRequest {
		outer = "Invalid Operation"
		inner["message"] = outer
	}
	if exception != "" {
		inner["internalexception"] = map[string]any{"message": message, "type": exception}
	}
	short := exception[strings.LastIndexByte(exception, '.')+1:]
	writeJSON(w, status, map[string]any{"error": map[string]any{
		"code": code, "message": outer, "innererror": inner,
		"details": []any{map[string]any{"code": "Client", "target": "", "message": "|" + short + "|" + message}},
	}})
}
