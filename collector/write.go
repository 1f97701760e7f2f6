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

// write writes the page in the format, one family at a time. The two text formats, which Prometheus requests, are
// written here; the others are encoded by the Prometheus libraries. A family that cannot be encoded is left out; the
// error is returned at the end.
func (p *page) write(to io.Writer, format expfmt.Format) error {
	w := &textWriter{
		to: to, openMetrics: format.FormatType() == expfmt.TypeOpenMetrics, buf: make([]byte, 0, writerBuffer),
	}
	var problems error
	encode := func(f *dto.MetricFamily) bool {
		problems = errors.Join(problems, w.encode(f, format))
		return w.err == nil
	}
	write := func(m *Metric, all []entry) bool {
		w.flush()
		if w.err == nil {
			w.err = expfmt.NewEncoder(to, format).Encode(m.family(all))
		}
		return w.err == nil
	}
	if w.openMetrics || format.FormatType() == expfmt.TypeTextPlain {
		write = w.family
	}
	p.each(encode, write)
	if w.openMetrics {
		w.buf = append(w.buf, "# EOF\n"...)
	}
	w.flush()
	return errors.Join(w.err, problems)
}

// textWriter writes the Prometheus text format or OpenMetrics, which differ in the head of a family, in how a number
// looks and in the last line.
type textWriter struct {
	to          io.Writer
	openMetrics bool
	buf         []byte
	err         error // of the first write that failed; afterwards nothing is written
}

const (
	writerBuffer = 64 << 10
	maxLine      = 8 << 10 // no line of text is longer
)

var (
	escapeValue = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

func (w *textWriter) flush() {
	w.put(w.buf)
	w.buf = w.buf[:0]
}

func (w *textWriter) put(text []byte) {
	if w.err == nil {
		_, w.err = w.to.Write(text)
	}
}

// encode writes a family with the Prometheus libraries, whole or not at all.
func (w *textWriter) encode(f *dto.MetricFamily, format expfmt.Format) error {
	var whole bytes.Buffer
	if err := expfmt.NewEncoder(&whole, format).Encode(f); err != nil {
		return fmt.Errorf("%s: %w", f.GetName(), err)
	}
	w.flush()
	w.put(whole.Bytes())
	return nil
}

// family writes the series of one metric. It reports false after a write has failed.
func (w *textWriter) family(m *Metric, all []entry) bool {
	w.head(m)
	for _, e := range all {
		if len(w.buf) > writerBuffer-maxLine {
			w.flush()
		}
		w.line(m, e)
	}
	return w.err == nil
}

func (w *textWriter) head(m *Metric) {
	name, help := m.Name, escapeHelp.Replace(m.Help)
	if w.openMetrics {
		help = escapeValue.Replace(m.Help)
		if m.Type == counter {
			name = strings.TrimSuffix(name, "_total")
		}
	}
	w.buf = fmt.Appendf(w.buf, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, m.Type)
}

func (w *textWriter) line(m *Metric, e entry) {
	b := w.buf
	if len(m.columns) == 0 {
		b = append(append(b, m.Name...), ' ')
	}
	for i := range m.columns {
		c := &m.columns[i]
		value := *c.value(e.group, e.series)
		if e.escape {
			value = escapeValue.Replace(value)
		}
		b = append(append(b, c.before...), value...)
	}
	if len(m.columns) > 0 {
		b = append(b, `"} `...)
	}
	b = appendNumber(b, e.value, w.openMetrics)
	w.buf = append(b, '\n')
}

// appendNumber appends a number as Prometheus writes it. In OpenMetrics it is never an integer.
func appendNumber(b []byte, v float64, openMetrics bool) []byte {
	from := len(b)
	switch v {
	case 0:
		b = append(b, '0')
	case 1:
		b = append(b, '1')
	default:
		b = strconv.AppendFloat(b, v, 'g', -1, 64)
	}
	if openMetrics && !bytes.ContainsAny(b[from:], "e.IN") { // Inf, NaN
		b = append(b, ".0"...)
	}
	return b
}
