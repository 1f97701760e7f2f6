// Package fuzztest cuts the bytes of a fuzzer into pieces, for fuzz targets that need more than one input: certificates
// of a chain, or answers of a server. Each piece follows its length, two bytes in network order. It is for tests only.
package fuzztest

import "encoding/binary"

// Split returns the pieces. A piece whose length exceeds what is left is the rest.
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
