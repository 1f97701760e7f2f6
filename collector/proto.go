package collector

import (
	"math"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of io.prometheus.client.MetricFamily and of the messages in it (client_model, metrics.proto).
const (
	protoName, protoHelp, protoType, protoMetric   = 1, 2, 3, 4
	protoLabel, protoGauge, protoCounter           = 1, 2, 3
	protoLabelName, protoLabelValue, protoTheValue = 1, 2, 1
)

// binary writes a family as delimited protobuf, which Prometheus asks for where it takes native histograms.
func (w *writer) binary(f *family, all []entry) {
	body := appendString(w.body[:0], protoName, f.name)
	body = appendString(body, protoHelp, f.Help)
	kind, value := dto.MetricType_GAUGE, protowire.Number(protoGauge)
	if f.Kind == counter {
		kind, value = dto.MetricType_COUNTER, protoCounter
	}
	body = protowire.AppendTag(body, protoType, protowire.VarintType)
	body = protowire.AppendVarint(body, uint64(kind))
	var metric []byte
	for _, e := range all {
		metric = appendMetric(metric[:0], f, e, value)
		body = protowire.AppendTag(body, protoMetric, protowire.BytesType)
		body = protowire.AppendBytes(body, metric)
	}
	w.buf = protowire.AppendVarint(w.buf, uint64(len(body)))
	w.flush()
	w.put(body)
	w.body = body
}

func appendMetric(b []byte, f *family, e entry, value protowire.Number) []byte {
	for i := range f.columns {
		name, text := f.columns[i].label, f.columns[i].value(e.of, e.series)
		size := protowire.SizeTag(protoLabelName) + protowire.SizeBytes(len(name)) + protowire.SizeTag(protoLabelValue) + protowire.SizeBytes(len(text))
		b = protowire.AppendTag(b, protoLabel, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(size)) //nolint:gosec // not negative
		b = appendString(appendString(b, protoLabelName, name), protoLabelValue, text)
	}
	b = protowire.AppendTag(b, value, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(protowire.SizeTag(protoTheValue)+protowire.SizeFixed64())) //nolint:gosec // not negative
	b = protowire.AppendTag(b, protoTheValue, protowire.Fixed64Type)
	return protowire.AppendFixed64(b, math.Float64bits(e.value))
}

func appendString(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}
