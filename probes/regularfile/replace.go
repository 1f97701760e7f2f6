package regularfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace replaces the contents of a file as a whole, and returns when they are on disk: other processes and a restart
// after a crash see the old contents or the new ones, never a part. It writes a temporary file in the same folder,
// whose name is made from pattern as by [os.CreateTemp], and renames it. Errors name the files.
func Replace(name string, data []byte, mode fs.FileMode, pattern string) error {
	folder := filepath.Dir(name)
	temp, err := os.CreateTemp(folder, pattern)
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	defer func() { _ = os.Remove(temp.Name()) }() // fails if the file was renamed
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Chmod(mode), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), name); err != nil {
		return err //nolint:wrapcheck // it names both files
	}
	syncFolder(folder)
	return nil
}

// syncFolder makes a rename durable, on systems that can sync a folder. On others it fails, which is ignored.
func syncFolder(folder string) {
	if d, err := os.Open(folder); err == nil { //nolint:gosec // the folder of the caller's own file
		_ = d.Sync()
		_ = d.Close()
	}
}
