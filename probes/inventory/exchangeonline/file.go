package exchangeonline

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"m365_connector_exporter/probes/regularfile"
)

// maxDocument is the largest document that is read from a file, in bytes.
const maxDocument = 64 << 20

// ReadFile reads the answers in a file that [WriteFile] has written. If there is none, the error is [fs.ErrNotExist].
func ReadFile(ctx context.Context, file string) (Answers, error) {
	c, err := regularfile.Read(ctx, file, maxDocument)
	if err != nil {
		return Answers{}, err
	}
	return parseDocument(c.Data)
}

// WriteFile replaces a file with the answers, as a whole.
func WriteFile(file string, a *Answers, mode fs.FileMode) error {
	return regularfile.Replace(file, a.Document(), mode, temporary+"*")
}

// temporary begins the names of files that are being written. Readers of exports skip names that begin with a dot.
const temporary = ".writing-"

// CleanFolder removes the temporary files of processes that were killed while they wrote.
func CleanFolder(folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), temporary) {
			_ = os.Remove(filepath.Join(folder, e.Name()))
		}
	}
}

// cache is a folder with the last good answers of each tenant; "" if there is none.
type cache string

// prepare makes the folder, and permits only its owner to read it: it describes how mail can be sent as the tenant.
func (c cache) prepare() error {
	if c == "" {
		return nil
	}
	if err := os.MkdirAll(string(c), 0o700); err != nil {
		return err
	}
	CleanFolder(string(c))
	return os.Chmod(string(c), 0o700) //nolint:gosec // a folder
}

func (c cache) file(tenant string) string {
	return filepath.Join(string(c), FileName(tenant)+".json")
}

// FileName returns the name of a tenant as the name of a file or folder: characters that a file system, or a reader of
// exports, may reject are percent-encoded.
func FileName(tenant string) string {
	var b strings.Builder
	for i, c := range []byte(tenant) {
		if c < 0x20 || strings.IndexByte(`%/\:*?"<>|`, c) >= 0 || c == '.' && (i == 0 || i == len(tenant)-1) {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// read returns the cached answers of a tenant. ok is false if there are none, or they are of another tenant_id.
func (c cache) read(ctx context.Context, t *Tenant) (a Answers, ok bool) {
	if c == "" {
		return Answers{}, false
	}
	a, err := ReadFile(ctx, c.file(t.Name))
	return a, err == nil && strings.EqualFold(a.TenantID, t.ID)
}

func (c cache) write(tenant string, a *Answers) error {
	if c == "" {
		return nil
	}
	return WriteFile(c.file(tenant), a, 0o600)
}
