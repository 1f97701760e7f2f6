// Package regularfile reads files that an administrator names, in a process that must not block.
//
// Not every path can be read: a FIFO without a writer blocks in open(2), a terminal blocks in read(2), and a network
// file system whose server is down blocks every call, even stat(2), so that not even a signal interrupts it.
// Therefore:
//
//  1. Files are opened with O_NONBLOCK, which makes open(2) return at once for a FIFO and has no effect on regular
//     files.
//  2. The type of the open file is checked (fstat(2)), not that of the path, which may lead to another file by then.
//     Only regular files are read.
//  3. Each call runs in a goroutine, for which the caller waits at most for [Timeout]. The goroutine occupies a thread
//     until the kernel returns. The number of such goroutines is bounded, because the Go runtime aborts at 10,000
//     threads.
//
// Errors of reading do not contain the path, which the caller can add.
//
// [Lock] and [Replace] are for the files that the exporter itself writes, which several processes may share.
package regularfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Errors of reading. Other errors are those of the operating system, without the path.
var (
	ErrNotRegular = errors.New("not a regular file")
	errFolder     = fmt.Errorf("%w but a folder: name the files in it", ErrNotRegular)
	ErrTimeout    = errors.New("the file system does not respond")
)

// Contents is a file that was read.
type Contents struct {
	Data []byte
	Info fs.FileInfo // from before the first byte was read
}

// Read reads a regular file of at most limit bytes. The error is [ErrNotRegular], [ErrTimeout], that of ctx, one that
// names the limit, or that of the operating system.
func Read(ctx context.Context, path string, limit int64) (Contents, error) {
	return await(ctx, filepath.Dir(path), func() (Contents, error) { return read(path, limit) })
}

func read(path string, limit int64) (Contents, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0) //nolint:gosec // the operator names it
	if err != nil {
		return Contents{}, withoutPath(err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return Contents{}, withoutPath(err)
	case info.IsDir():
		return Contents{}, errFolder
	case !info.Mode().IsRegular():
		return Contents{}, ErrNotRegular
	case info.Size() > limit:
		return Contents{}, tooLarge(limit)
	}
	data := make([]byte, 0, info.Size()+1)
	for { // as os.ReadFile does, up to the limit
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case errors.Is(err, io.EOF):
			return Contents{data, info}, nil
		case err != nil:
			return Contents{}, withoutPath(err)
		case int64(len(data)) > limit: // it has grown
			return Contents{}, tooLarge(limit)
		case len(data) == cap(data):
			data = append(data, 0)[:len(data)]
		}
	}
}

func tooLarge(limit int64) error { return fmt.Errorf("larger than %d MB", limit>>20) }

// Stat describes the file that path leads to.
func Stat(ctx context.Context, path string) (fs.FileInfo, error) {
	return await(ctx, filepath.Dir(path), func() (fs.FileInfo, error) {
		info, err := os.Stat(path)
		return info, withoutPath(err)
	})
}

// ReadDir lists a folder, sorted by name.
func ReadDir(ctx context.Context, path string) ([]fs.DirEntry, error) {
	return await(ctx, path, func() ([]fs.DirEntry, error) {
		entries, err := os.ReadDir(path)
		return entries, withoutPath(err)
	})
}

// Glob lists the paths that match a pattern of [filepath.Match]. Like [filepath.Glob] it ignores unreadable folders.
func Glob(ctx context.Context, pattern string) ([]string, error) {
	return await(ctx, filepath.Dir(pattern), func() ([]string, error) { return filepath.Glob(pattern) })
}

func withoutPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
