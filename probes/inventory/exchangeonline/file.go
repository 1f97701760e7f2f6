package exchangeonline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"m365_connector_exporter/probes/regularfile"
)

// maxDocument is the largest document that is read from a file, in bytes.
const maxDocument = 64 << 20

// ReadFile reads the answers in a file that [WriteFile] has written. Where there is none it returns an error that is
// [fs.ErrNotExist].
func ReadFile(ctx context.Context, file string) (Answers, error) {
	c, err := regularfile.Read(ctx, file, maxDocument)
	if err != nil {
		return Answers{}, err
	}
	return ParseDocument(c.Data)
}

// WriteFile replaces a file with the answers, as a whole.
func WriteFile(file string, a *Answers, mode fs.FileMode) error {
	folder := filepath.Dir(file)
	temp, err := os.CreateTemp(folder, temporary+"*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // it has been renamed if all went well
	_, err = temp.Write(a.Document())
	if err = errors.Join(err, temp.Chmod(mode), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), file); err != nil {
		return err
	}
	if d, err := os.Open(folder); err == nil { //nolint:gosec // the file's own folder
		_ = d.Sync() // makes the rename durable where a folder can be synced
		_ = d.Close()
	}
	return nil
}

// temporary begins the names of files that are being written. Readers of exports skip names that begin with a dot.
const temporary = ".writing-"

// CleanFolder removes what was being written when a process was killed.
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

// cache keeps the last good answers of each tenant in a folder; empty: in none.
type cache string

// prepare makes the folder, and takes it from everybody but its owner: it describes how mail can be sent as the tenant.
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

// FileName returns the name of a tenant as that of a file or folder: characters that a file system or a reader of
// exports may not take are percent-encoded.
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

// read returns the answers that are kept for a tenant. They are not used for another tenant_id than that for which
// they were read.
func (c cache) read(ctx context.Context, t *Tenant) (Answers, bool) {
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
