package collector

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// writer writes a page as text. The text formats differ in a family's head, in how a number looks and in the last line.
type writer struct {
	to   io.Writer
	open bool // OpenMetrics
	buf  []byte
	err  error // of the first write that failed; afterwards nothing is written
}

const writerBuffer = 64 << 10

var (
	escapeValue = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

// Write writes the page in the format, one family at a time: the two text formats itself, the others with the encoders of the
// Prometheus libraries. An error of the exporter's own metrics leaves out what it concerns and is returned after everything else was
// written.
func (g *Gatherer) Write(to io.Writer, format expfmt.Format) error {
	w := &writer{to: to, open: format.FormatType() == expfmt.TypeOpenMetrics, buf: make([]byte, 0, writerBuffer)}
	text := w.open || format.FormatType() == expfmt.TypeTextPlain
	page := g.page()
	own, problem := g.others() // after the page: they count its dropped series
	for _, i := range byName {
		for len(own) > 0 && own[0].GetName() < families[i].name {
			problem = errors.Join(problem, w.encode(own[0], format))
			own = own[1:]
		}
		switch {
		case len(page[i]) == 0 || !g.wants(families[i].name) || w.err != nil:
		case text:
			w.text(&families[i], page[i])
		default:
			problem = errors.Join(problem, w.encode(families[i].proto(page[i]), format))
		}
	}
	for _, f := range own {
		problem = errors.Join(problem, w.encode(f, format))
	}
	if w.open {
		w.buf = append(w.buf, "# EOF\n"...)
	}
	w.flush()
	return errors.Join(w.err, problem)
}

func (w *writer) flush() {
	w.put(w.buf)
	w.buf = w.buf[:0]
}

func (w *writer) put(text []byte) {
	if w.err == nil {
		_, w.err = w.to.Write(text)
	}
}

// encode writes a family with the Prometheus libraries, whole or not at all.
func (w *writer) encode(f *dto.MetricFamily, format expfmt.Format) error {
	var whole bytes.Buffer
	if err := expfmt.NewEncoder(&whole, format).Encode(f); err != nil {
		return fmt.Errorf("%s: %w", f.GetName(), err)
	}
	w.flush()
	w.put(whole.Bytes())
	return nil
}

func (w *writer) text(f *family, all []entry) {
	w.head(f)
	for _, e := range all {
		if len(w.buf) > writerBuffer-8<<10 {
			w.flush()
		}
		w.line(f, e)
	}
}

func (w *writer) head(f *family) {
	name, help := f.name, escapeHelp.Replace(f.Help)
	if w.open {
		help = escapeValue.Replace(f.Help)
		if f.Kind == counter {
			name = strings.TrimSuffix(name, "_total")
		}
	}
	w.buf = fmt.Appendf(w.buf, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, f.Kind)
}

func (w *writer) line(f *family, e entry) {
	b := w.buf
	for i := range f.columns {
		c := &f.columns[i]
		value := c.value(e.of, e.series)
		if e.escape {
			value = escapeValue.Replace(value)
		}
		b = append(append(b, c.before...), value...)
	}
	b = append(b, `"} `...)
	b = appendNumber(b, e.value, w.open)
	w.buf = append(b, '\n')
}

// appendNumber writes a number as Prometheus does. In OpenMetrics it shows that it is no integer.
func appendNumber(b []byte, v float64, open bool) []byte {
	from := len(b)
	switch v {
	case 0:
		b = append(b, '0')
	case 1:
		b = append(b, '1')
	default:
		b = strconv.AppendFloat(b, v, 'g', -1, 64)
	}
	if open && !bytes.ContainsAny(b[from:], "e.IN") { // Inf, NaN
		b = append(b, ".0"...)
	}
	return b
}
