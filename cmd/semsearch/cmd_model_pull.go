package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/internal/hub"
)

type pullOptions struct {
	endpoint string
	maxSize  byteSize
	json     bool
}

func newModelPull(a *app) *cobra.Command {
	o := pullOptions{maxSize: hub.DefaultMaxBytes}
	cmd := &cobra.Command{
		Use:   "pull [flags] ORG/NAME[@REVISION]",
		Short: "Fetch a model from a hub",
		Long: `Fetch a model from Hugging Face, or a hub that speaks its protocol, and print the folder it is in. From
then on --model ORG/NAME finds it there. This is the only command that uses the network.

Only what a model needs is fetched: configurations, tokenizers and safetensors. Every file is checked
against the hub's hash. What is there is not fetched again, and what was broken off is gone on with.

Models are kept where the tools of Hugging Face keep them: $HF_HUB_CACHE, else $HF_HOME/hub, else
~/.cache/huggingface/hub. The hub is --endpoint, else $HF_ENDPOINT, else ` + hub.DefaultEndpoint + `.
The token in $HF_TOKEN, if there is one, is sent to it and to no other host. With HF_HUB_OFFLINE=1
nothing is fetched.`,
		Example: `  semsearch model pull sentence-transformers/all-MiniLM-L6-v2
  semsearch add --model sentence-transformers/all-MiniLM-L6-v2 notes/`,
		Annotations: exitCodes("the model is there", "", "an error; what was fetched is kept"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("want one model, ORG/NAME")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runPull(cmd.Context(), o, args[0]) },
	}
	cmd.Flags().StringVar(&o.endpoint, "endpoint", "", "URL of the hub (else $HF_ENDPOINT, else "+hub.DefaultEndpoint+")")
	cmd.Flags().Var(&o.maxSize, "max-size", "fetch no model with files larger than this together")
	jsonFlag(cmd, &o.json)
	return cmd
}

// jsonSnapshot is a model of model pull and model ls.
type jsonSnapshot struct {
	Name      string   `json:"name"`
	Revisions []string `json:"revisions"`
	Commit    string   `json:"commit"`
	Bytes     int64    `json:"bytes"`
	Dir       string   `json:"dir"`
}

func snapshotJSON(s hub.Snapshot) jsonSnapshot {
	revisions := s.Revision
	if revisions == nil {
		revisions = []string{}
	}
	return jsonSnapshot{s.Name, revisions, s.Commit, s.Bytes, s.Dir}
}

func (a *app) runPull(ctx context.Context, o pullOptions, name string) error {
	ref, err := hub.ParseRef(name)
	if err != nil {
		return err
	}
	cache, err := hub.DefaultCache()
	if err != nil {
		return err
	}
	line := pullLine{a: a}
	c := hub.Client{Cache: cache, Endpoint: o.endpoint, MaxBytes: int64(o.maxSize), UserAgent: "semsearch/" + version(), Progress: line.show}
	snap, err := c.Pull(ctx, ref)
	line.clear()
	if err != nil {
		return hubHint(err)
	}
	if o.json {
		return a.printJSON(struct {
			Schema int `json:"schema"`
			jsonSnapshot
		}{jsonSchema, snapshotJSON(*snap)})
	}
	a.say("%s is at commit %s, %s, %s of them fetched now", ref, snap.Commit[:12], sizeString(snap.Bytes), sizeString(line.fetched))
	_, err = fmt.Fprintln(a.stdout, snap.Dir)
	return err
}

// hubHint adds what can be done about an error of the hub.
func hubHint(err error) error {
	switch {
	case errors.Is(err, hub.ErrAccess):
		return withHint(err, "check the name; if the model needs it, accept its terms on the hub and set HF_TOKEN")
	case errors.Is(err, hub.ErrNotFound):
		return withHint(err, "check the name, ORG/NAME, and the revision after the @")
	case errors.Is(err, hub.ErrOffline):
		return withHint(err, "unset HF_HUB_OFFLINE")
	case errors.Is(err, hub.ErrTooLarge):
		return withHint(err, "--max-size SIZE allows more")
	case errors.Is(err, hub.ErrHash):
		return withHint(err, "the file was changed on its way, or the hub is wrong about it; try again, or another --endpoint")
	}
	return err
}

// pullLine shows how far a pull is, on one line of a terminal, and says what it waits for.
type pullLine struct {
	a       *app
	shown   bool
	percent int64
	file    string
	fetched int64
	before  int64 // bytes done when the file under way began
}

func (l *pullLine) show(p hub.Progress) {
	if p.Retry != nil {
		l.clear()
		l.a.say("%v; trying again in %v", p.Retry, p.RetryPause)
		return
	}
	if p.FileDone {
		if !p.FromCache {
			l.fetched += p.Bytes - l.before
		}
		l.before = p.Bytes
	}
	if !l.a.talk.is || p.AllBytes <= 0 {
		return
	}
	percent := 100 * p.Bytes / p.AllBytes
	if l.shown && percent == l.percent && p.File == l.file {
		return
	}
	l.shown, l.percent, l.file = true, percent, p.File
	fmt.Fprintf(l.a.stderr, "\r\x1b[K%3d%% of %s  %s", percent, sizeString(p.AllBytes), oneLine(p.File))
}

func (l *pullLine) clear() {
	if l.shown {
		fmt.Fprint(l.a.stderr, "\r\x1b[K")
		l.shown = false
	}
}
