// Package config reads the configuration: the YAML shape, its validation and the files it names.
//
// It is strict: unknown keys, second documents, wrong types and bad references are errors, all of them in one run,
// each with file, line and key.
package config
