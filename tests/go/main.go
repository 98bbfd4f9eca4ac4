// Command elchi-verify is an independent verifier for Elchi's evidence folders, unpacked bundles and log tiles. It was written from
// PROTOCOL.md and the C2SP and RFC documents alone, without reading the program that it checks.
//
//	elchi-verify evidence FOLDER [--now SECONDS] [--whole STATE]
//	elchi-verify tiles --origin ORIGIN --vkey VKEY FOLDER
//
// Checkpoints are judged as kept: as of the time of their newest cosignature; or with --now as of that moment. With --whole the
// folder must hold every act of that state's authorities, as an auditor's folder does; which kind it is, it does not say.
//
// Build and test, with Debian's golang (1.19 or newer) and golang-golang-x-mod-dev, without any network:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o elchi-verify .
//	GO111MODULE=off GOPATH=/usr/share/gocode go vet .
//	GO111MODULE=off GOPATH=/usr/share/gocode go test .
//
// The tests that tamper with a real folder use the one that ELCHI_SAMPLE names, and are skipped without it.
//
// Exit code 0: all that a folder can show holds. 1: something is wrong; each such thing is named on a line
// "wrong: FILE: SECTION OF PROTOCOL.md: what". 2: it could not be checked.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

const usage = `usage: elchi-verify evidence FOLDER [--now SECONDS] [--whole STATE]
       elchi-verify tiles --origin ORIGIN --vkey VKEY FOLDER
`

const (
	exitAgrees   = 0
	exitWrong    = 1
	exitNoAnswer = 2
)

// errUsage stands for arguments that make no command.
var errUsage = errors.New("these arguments are no command")

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run does what the arguments say and answers with the exit code.
func run(args []string, out, complaints io.Writer) int {
	command, err := parseArguments(args)
	if err != nil {
		fmt.Fprintf(complaints, "%v\n%s", err, usage)
		return exitNoAnswer
	}
	return conclude(command, out, complaints)
}

// conclude carries the command out and prints what it found.
func conclude(command command, out, complaints io.Writer) int {
	r := &report{}
	last, err := command(r)
	for _, line := range r.lines {
		fmt.Fprintln(out, line)
	}
	for _, line := range r.wrongs {
		fmt.Fprintln(out, "wrong:", line)
	}
	if err != nil {
		fmt.Fprintln(complaints, "could not check:", err)
		return exitNoAnswer
	}
	if len(r.wrongs) > 0 {
		return exitWrong
	}
	fmt.Fprintln(out, last)
	return exitAgrees
}

// A command fills the report and answers with the last line, which is printed only if nothing is wrong.
type command func(*report) (string, error)

func parseArguments(args []string) (command, error) {
	if len(args) == 0 {
		return nil, errUsage
	}
	options, rest, err := splitOptions(args[1:])
	if err != nil || len(rest) != 1 {
		return nil, errUsage
	}
	switch args[0] {
	case "evidence":
		return evidenceCommand(options, rest[0])
	case "tiles":
		return tilesCommand(options, rest[0])
	}
	return nil, errUsage
}

// splitOptions parts "--name value" pairs from the other arguments.
func splitOptions(args []string) (map[string]string, []string, error) {
	options := map[string]string{}
	var rest []string
	for i := 0; i < len(args); i++ {
		if len(args[i]) < 2 || args[i][:2] != "--" {
			rest = append(rest, args[i])
			continue
		}
		if _, twice := options[args[i]]; twice || i+1 == len(args) {
			return nil, nil, errUsage
		}
		options[args[i]] = args[i+1]
		i++
	}
	return options, rest, nil
}

func evidenceCommand(options map[string]string, folder string) (command, error) {
	settings := settings{tree: os.DirFS(folder)}
	for name, value := range options {
		var err error
		switch name {
		case "--now":
			var seconds int64
			seconds, err = strconv.ParseInt(value, 10, 64)
			settings.now = &seconds
		case "--whole":
			settings.whole, err = value, checkState(value)
		default:
			err = errUsage
		}
		if err != nil {
			return nil, err
		}
	}
	return func(r *report) (string, error) {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return "", fmt.Errorf("%s is no folder", folder)
		}
		return verifyEvidence(r, settings)
	}, nil
}

func tilesCommand(options map[string]string, folder string) (command, error) {
	if len(options) != 2 || options["--origin"] == "" || options["--vkey"] == "" {
		return nil, errUsage
	}
	return func(r *report) (string, error) {
		return verifyTiles(r, options["--origin"], options["--vkey"], folder)
	}, nil
}
