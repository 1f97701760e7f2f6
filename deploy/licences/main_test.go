package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLicences fails for a linked module whose licence is not allowed, and if docs/licences.md is outdated.
func TestLicences(t *testing.T) {
	var list, stderr bytes.Buffer
	if status := run([]string{"-list"}, &list, &stderr); status != 0 {
		t.Fatalf("exit status %d: %s", status, stderr.String())
	}
	document, err := os.ReadFile("../../docs/licences.md")
	if err != nil {
		t.Fatal(err)
	}
	if list.String() != string(document) {
		t.Errorf("docs/licences.md is not what is linked; make docs writes:\n%s", list.String())
	}
}

// TestTexts verifies that the licence file of the packages contains every module with its licence text.
func TestTexts(t *testing.T) {
	all, err := dependencies()
	if err != nil {
		t.Fatal(err)
	}
	var texts bytes.Buffer
	if err := writeTexts(&texts, all); err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if !strings.Contains(texts.String(), "\n"+d.name+" "+d.version+"\n") {
			t.Errorf("%s is missing", d.name)
		}
	}
	for _, says := range []string{
		"Copyright 2009 The Go Authors.",
		"Prometheus instrumentation library for Go applications", "Alec Thomas",
	} {
		if !strings.Contains(texts.String(), says) {
			t.Errorf("no %q", says)
		}
	}
}

func TestIdentify(t *testing.T) {
	const (
		mit = "Permission is hereby granted, free of charge, to any person. The above copyright notice and\n" +
			"this permission notice shall be included."
		bsd = "Redistributions in binary form must reproduce the above copyright notice."
	)
	for _, c := range []struct {
		text string
		ids  []string // none = refused
	}{
		{mit, []string{"MIT"}},
		{bsd, []string{"BSD-2-Clause"}},
		{bsd + " Neither the name may be used to endorse or promote products.", []string{"BSD-3-Clause"}},
		{bsd + " All advertising materials must say so, nor to endorse or promote products.", nil},
		{mit + "\n                 Apache License\n           Version 2.0, January 2004", []string{"Apache-2.0", "MIT"}},
		{mit + " and the GNU Affero\nGeneral Public License", nil},
		{"GNU GENERAL PUBLIC LICENSE\nVersion 2, June 1991", nil},
		{"Mozilla Public License Version 2.0", nil},
		{"All rights reserved.", nil},
		{"", nil},
	} {
		ids, err := identify(c.text)
		if !slices.Equal(ids, c.ids) || (err == nil) != (c.ids != nil) {
			t.Errorf("%.60q: %v, %v", c.text, ids, err)
		}
	}
}

// A module without a licence is an error.
func TestNoLicence(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "README"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := dependency{"example.com/x", "v1.0.0", []string{dir}}
	if ids, err := d.identify(); err == nil {
		t.Errorf("it has %v", ids)
	}
	err := writeTexts(&bytes.Buffer{}, []dependency{d})
	if err == nil || !strings.Contains(err.Error(), "example.com/x v1.0.0") {
		t.Errorf("its texts: %v", err)
	}
}

func TestExitStatusOfErrors(t *testing.T) {
	for name, c := range map[string]struct {
		args   []string
		path   string // of programs
		status int
	}{
		"an unknown flag":     {[]string{"-lst"}, os.Getenv("PATH"), 2},
		"no go command":       {nil, t.TempDir(), 1},
		"no go command, list": {[]string{"-list"}, t.TempDir(), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", c.path)
			var stdout, stderr bytes.Buffer
			if status := run(c.args, &stdout, &stderr); status != c.status || stderr.Len() == 0 {
				t.Errorf("exit status %d, want %d: %s", status, c.status, stderr.String())
			}
		})
	}
}

// A folder of a module that cannot be read is an error, not a module without a notice.
func TestUnreadableFolder(t *testing.T) {
	d := dependency{"example.com/x", "v1.0.0", []string{filepath.Join(t.TempDir(), "gone")}}
	if _, _, err := d.texts(); err == nil {
		t.Error("no error")
	}
	if err := writeList(&bytes.Buffer{}, []dependency{d}); err == nil {
		t.Error("the list has no error")
	}
}
