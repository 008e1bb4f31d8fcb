// Command galen builds, validates, explains and serves medical models. This file holds the table of tasks
// and of commands; each command has a file of its own.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"galen.dev/diagnosis/course"
	"galen.dev/diagnosis/risk"
	waveform "galen.dev/diagnosis/signal"
	note "galen.dev/diagnosis/text"
	"galen.dev/diagnosis/treatment"
	"galen.dev/fault"
	"galen.dev/imaging/classify"
	"galen.dev/imaging/segment"
	"galen.dev/store"
	"galen.dev/task"
)

// tasks is everything that Galen can learn and then do.
var tasks = []*task.Task{
	risk.Task,
	waveform.Task,
	note.Task,
	treatment.Task,
	course.Task,
	classify.Task,
	segment.Task,
}

func main() {
	os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Main runs the command line and returns its exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() { // Go's own exit code of a panic, 2, would say that the user was wrong
		if v := recover(); v != nil {
			// The panic's value is left out: it may quote the data.
			fmt.Fprintf(stderr, "galen: error: a defect of Galen stopped it\ngalen: hint: please report these lines\n\n%s", debug.Stack())
			code = fault.Internal.ExitCode()
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once what the first could not
	a := &app{in: stdin, out: stdout, err: stderr}
	cmd := a.root()
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	a.bindTaskFlags(cmd, args)
	err := cmd.ExecuteContext(ctx)
	if err != nil && slices.Contains(args, "--json") {
		a.json = true // also where flags before it could not be read
	}
	if cerr := a.close(); err == nil {
		err = cerr
	}
	if err == nil {
		return 0
	}
	return a.fail(ctx, err)
}

// app is the state of one command line: streams, the global flags and the store once opened.
type app struct {
	in       io.Reader
	out, err io.Writer

	folder, index string
	json, quiet   bool
	answered      bool // the JSON answer was begun, and has told the error itself

	store    *store.Store
	progress *progress // what monitor made, or nil
	unread   error     // why the argument of a study command names no study, or nil
}

func (a *app) root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "galen",
		Short: "Build, validate, explain and serve medical models",
		Long: `Galen builds, validates, explains and serves medical models on your own hardware: no network, no Python.

A study (a small YAML file) says which task, on which data, with which parameters. Running it takes five
steps, collect → preprocess → train → evaluate, and then apply, each leaving files that the next one reads.

For research use. Galen is not a medical device.`,
		Example:       "  galen demo\n  galen run studies/wdbc.yaml\n  galen apply wdbc new-cases.csv",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          usageArgs(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := cmd.PersistentFlags()
	f.StringVar(&a.folder, "store", envOr("GALEN_STORE", "runs"), "folder of runs (GALEN_STORE)")
	f.StringVar(&a.index, "index", os.Getenv("GALEN_INDEX"), "PostgreSQL URL of the index of runs; SQLite in the store by default (GALEN_INDEX)")
	f.BoolVar(&a.json, "json", false, "machine output on stdout, and only that")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress on stderr")
	cmd.SetFlagErrorFunc(a.flagError)
	cmd.AddCommand(a.demoCommand(), a.tasksCommand(), a.runCommand())
	for _, s := range task.Steps() {
		cmd.AddCommand(a.stepCommand(s))
	}
	cmd.AddCommand(a.applyCommand(), a.runsCommand(), a.dataCommand(), a.molCommand(), a.serveCommand(), a.benchCommand(), a.versionCommand())
	return cmd
}

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// usageArgs gives a check of arguments the kind Usage and a hint at the help text.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			hint := "`" + cmd.CommandPath() + " --help` shows how it is used"
			if cmd.HasSubCommands() && len(args) > 0 {
				var names []string
				for _, sub := range cmd.Commands() {
					names = append(names, sub.Name())
				}
				if near := fault.DidYouMean(args[0], names); near != "" {
					hint = near
				}
			}
			return fault.WithHint(fault.Errorf(fault.Usage, "%w", err), "%s", hint)
		}
		return nil
	}
}

// flagError gives an error of a flag its kind and a hint. A study that cannot be read declares no parameters,
// so its own error comes first: it is why the flag is not known.
func (a *app) flagError(cmd *cobra.Command, err error) error {
	if a.unread != nil {
		return a.unread
	}
	err = fault.Errorf(fault.Usage, "%w", err)
	name := new(pflag.NotExistError)
	if !errors.As(err, &name) {
		return err
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	hint := "`" + cmd.CommandPath() + " --help` lists the flags"
	if near := fault.Nearest(name.GetSpecifiedName(), known); near != "" {
		hint = "did you mean --" + near + "?"
	}
	return fault.WithHint(err, "%s", hint)
}

// open opens the store on first use.
func (a *app) open(ctx context.Context) (*store.Store, error) {
	if a.store == nil {
		s, err := store.Open(ctx, a.folder, store.Options{Index: a.index})
		if err != nil {
			return nil, err
		}
		a.store = s
	}
	return a.store, nil
}

func (a *app) close() error {
	if a.store == nil {
		return nil
	}
	return a.store.Close()
}

// runner makes a runner over the store; its progress goes to stderr.
func (a *app) runner(ctx context.Context) (*task.Runner, error) {
	s, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	return &task.Runner{Tasks: tasks, Store: s, Version: version(), Monitor: a.monitor()}, nil
}

// print writes v as JSON under --json, else calls text.
func (a *app) print(v any, text func(w io.Writer)) error {
	if a.json {
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	text(a.out)
	return nil
}

// fail tells an error and returns its exit code. The rules: one line `galen: error:`, findings beneath it,
// one line `galen: hint:`; no capital at the start, no full stop at the end; never a patient's values.
func (a *app) fail(ctx context.Context, err error) int {
	if a.progress != nil {
		a.progress.clear()
	}
	kind := fault.KindOf(err)
	if errors.Is(err, context.Canceled) || ctx.Err() != nil {
		kind = fault.Canceled
	}
	// cobra's own errors about commands have no kind.
	if kind == fault.Internal && (strings.HasPrefix(err.Error(), "unknown command") || strings.HasPrefix(err.Error(), "required flag") || strings.HasPrefix(err.Error(), "if any flags")) {
		kind = fault.Usage
	}
	message, hint := err.Error(), fault.HintOf(err)
	if kind == fault.Canceled {
		message, hint = "stopped; nothing half-written was left, and running it again goes on from the last finished step", ""
	}
	findings := fault.FindingsOf(err)
	if findings == nil {
		findings = []fault.Finding{}
	}
	if a.json && !a.answered {
		_ = a.print(map[string]any{"error": map[string]any{
			"kind": kind.String(), "message": strings.SplitN(message, "\n", 2)[0], "hint": hint, "findings": findings,
		}}, nil)
	}
	fmt.Fprintf(a.err, "galen: error: %s\n", message)
	if hint != "" {
		fmt.Fprintf(a.err, "galen: hint: %s\n", hint)
	}
	return kind.ExitCode()
}
