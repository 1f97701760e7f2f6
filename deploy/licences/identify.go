package main

import (
	"fmt"
	"slices"
	"strings"
)

// allowed are the SPDX identifiers of the licences that an Apache-2.0 program may link, with sentences that only their
// texts contain.
var allowed = []struct {
	id          string
	says, lacks []string
}{
	{"Apache-2.0", []string{"apache license", "version 2.0"}, nil},
	{"MIT", []string{
		"permission is hereby granted, free of charge",
		"the above copyright notice and this permission notice",
	}, nil},
	{
		"BSD-3-Clause",
		[]string{"redistributions in binary form must reproduce", "to endorse or promote products"},
		[]string{"all advertising materials"},
	},
	{
		"BSD-2-Clause",
		[]string{"redistributions in binary form must reproduce"},
		[]string{"to endorse or promote products", "all advertising materials"},
	},
	{"ISC", []string{"permission to use, copy, modify, and/or distribute this software for any purpose"}, nil},
}

// refused are phrases of licences that are incompatible or require more than a notice.
var refused = []string{
	"gnu general public license", "gnu lesser general public", "gnu affero", "mozilla public license",
	"server side public license",
	"business source license", "commons clause", "creative commons", "common development and distribution",
}

// identify returns the licences of a module, or an error for a text that is not an allowed licence.
func (d dependency) identify() ([]string, error) {
	texts, _, err := d.texts()
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, text := range texts {
		found, err := identify(text)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", d.name, d.version, err)
		}
		ids = append(ids, found...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// identify returns the licences in one text, of which there may be several.
func identify(text string) ([]string, error) {
	words := strings.ToLower(strings.Join(strings.Fields(text), " "))
	has := func(sentence string) bool { return strings.Contains(words, sentence) }
	if i := slices.IndexFunc(refused, has); i >= 0 {
		return nil, fmt.Errorf("it speaks of the %q", refused[i])
	}
	var ids []string
	for _, a := range allowed {
		if !slices.ContainsFunc(a.says, func(s string) bool { return !has(s) }) && !slices.ContainsFunc(a.lacks, has) {
			ids = append(ids, a.id)
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("no licence that is allowed: %.200q", words)
	}
	return ids, nil
}
