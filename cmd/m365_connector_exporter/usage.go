package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/spelling"
)

// Errors of kingpin, and of time.ParseDuration that it passes on.
var (
	unexpectedWord = regexp.MustCompile(`^unexpected (.*)$`)
	unknownFlag    = regexp.MustCompile(`^unknown long flag '--(.*)'$`)
	enumValue      = regexp.MustCompile(`^enum value must be one of (.*), got '(.*)'$`)
	durationValue  = regexp.MustCompile(`^time: .* duration "(.*)"$`)
)

// usage completes an error of kingpin: it names the flag and quotes its value, and suggests what was probably meant.
func usage(err error, args []string, app *kingpin.Application) string {
	message := err.Error()
	if m := unexpectedWord.FindStringSubmatch(message); m != nil {
		return unexpected(m[1], args, app)
	}
	if m := unknownFlag.FindStringSubmatch(message); m != nil {
		return message + otherFlag(m[1], args, app)
	}
	flag := flagOf(message, args)
	if m := enumValue.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s%q: %v", flag, m[2], inventory.MustBeOneOf(m[2], strings.Split(m[1], ",")))
	}
	if m := durationValue.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s%q: must be a duration such as 30s", flag, m[1])
	}
	return flag + message
}

// unknownHelp returns the word after "help" if it is not a command: kingpin ends with another exit status.
func unknownHelp(args []string, app *kingpin.Application) (word string, unknown bool) {
	if len(args) < 2 || args[0] != "help" || strings.HasPrefix(args[1], "-") || app.GetCommand(args[1]) != nil {
		return "", false
	}
	return args[1], true
}

// unexpected words a word that is neither a command nor one of its arguments.
func unexpected(word string, args []string, app *kingpin.Application) string {
	command := commandOf(args, app)
	if command == nil || command.Name == "help" {
		var commands []string
		for _, c := range app.Model().Commands {
			commands = append(commands, c.Name)
		}
		if near := spelling.Nearest(word, commands); near != "" {
			return fmt.Sprintf("unexpected %q; did you mean %s?", word, near)
		}
		return fmt.Sprintf("unexpected %q; the commands are %s", word, strings.Join(commands, ", "))
	}
	example := "put a value that contains spaces into quotes"
	if slices.Contains(flagNames(command.Flags), "tenant") {
		example = "a tenant is selected by --tenant=" + word
	}
	return fmt.Sprintf("unexpected %q: %s takes flags only; %s", word, command.Name, example)
}

// otherFlag suggests the flag of a command that was probably meant, or names the command that has the flag.
func otherFlag(name string, args []string, app *kingpin.Application) string {
	command, model := "serve", app.Model()
	if c := commandOf(args, app); c != nil {
		command = c.Name
	}
	known := flagNames(model.Flags)
	elsewhere := ""
	for _, c := range model.Commands {
		names := flagNames(c.Flags)
		switch {
		case c.Name == command:
			known = append(known, names...)
		case elsewhere == "" && slices.Contains(names, name):
			elsewhere = fmt.Sprintf("; it is a flag of %s", c.Name)
		}
	}
	if near := spelling.Nearest(name, known); near != "" && elsewhere == "" {
		return fmt.Sprintf("; did you mean --%s?", near)
	}
	return elsewhere
}

func flagNames(flags []*kingpin.FlagModel) (names []string) {
	for _, f := range flags {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	return names
}

// commandOf returns the command that args name; nil if they name none.
func commandOf(args []string, app *kingpin.Application) *kingpin.CmdModel {
	for _, arg := range args {
		if command := app.GetCommand(arg); command != nil {
			return command.Model()
		}
	}
	return nil
}

// flagOf returns the flag whose value is at the end of a message, with a colon; empty if there is none.
func flagOf(message string, args []string) string {
	for i, arg := range args {
		name, value, joined := strings.Cut(arg, "=")
		if !joined && i+1 < len(args) {
			value = args[i+1]
		}
		if !strings.HasPrefix(name, "--") || value == "" {
			continue
		}
		for _, end := range []string{" " + value, " '" + value + "'", fmt.Sprintf(" %q", value)} {
			if strings.HasSuffix(message, end) {
				return name + ": "
			}
		}
	}
	return ""
}
