package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// byteSize is a flag for a number of bytes, such as 500000, 512KiB, 64MB or 1GiB.
type byteSize int64

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"GIB", 1 << 30}, {"MIB", 1 << 20}, {"KIB", 1 << 10},
	{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3},
	{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"B", 1},
}

func (b *byteSize) Set(s string) error {
	number, unit := strings.ToUpper(strings.TrimSpace(s)), int64(1)
	for _, u := range sizeUnits {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/unit {
		return errors.New("not a size such as 500000, 512KiB or 64MB")
	}
	*b = byteSize(n * unit)
	return nil
}

func (b *byteSize) Type() string { return "SIZE" }

func (b *byteSize) String() string { return strings.ReplaceAll(sizeString(int64(*b)), " ", "") }

// sizeString writes a number of bytes in the largest binary unit that leaves at least 1.
func sizeString(n int64) string {
	for _, u := range sizeUnits[:3] {
		if n >= u.bytes {
			s := strconv.FormatFloat(float64(n)/float64(u.bytes), 'f', 1, 64)
			return strings.TrimSuffix(s, ".0") + " " + u.name[:1] + "iB"
		}
	}
	return strconv.FormatInt(n, 10) + " B"
}
