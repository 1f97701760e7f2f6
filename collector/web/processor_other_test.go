//go:build !unix

package web_test

import "time"

var start = time.Now()

func processor() time.Duration { return time.Since(start) }
