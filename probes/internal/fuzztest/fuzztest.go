// Package fuzztest splits the bytes of a fuzzer into pieces, for fuzz targets that need several inputs: the
// certificates of a chain, or the answers of a server. Each piece is preceded by its length, two bytes in network
// order. The package is for tests only.
package fuzztest

import "encoding/binary"

// Split returns the pieces. If the length of a piece exceeds the rest of the data, the piece is the rest.
func Split(data []byte) (pieces [][]byte) {
	for len(data) > 2 {
		n := min(int(binary.BigEndian.Uint16(data)), len(data)-2)
		pieces = append(pieces, data[2:2+n])
		data = data[2+n:]
	}
	return pieces
}

// Join returns data that Split cuts into these pieces, for seeds.
func Join(pieces ...[]byte) (data []byte) {
	for _, p := range pieces {
		data = append(binary.BigEndian.AppendUint16(data, uint16(len(p))), p...) //nolint:gosec // seeds are short
	}
	return data
}
