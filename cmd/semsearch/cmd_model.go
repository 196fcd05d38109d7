package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/encoder"
	"github.com/semsearch/semsearch/encoder/checkpoint"
	"github.com/semsearch/semsearch/qa"
)

func newModel(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:         "model",
		Short:       "Look at models, and make them smaller",
		Long:        "Look at models (the encoder and the reader inside the program, or a folder), and make them smaller.",
		Example:     "  semsearch model inspect",
		Annotations: exitCodes("done", "", "an error"),
		Args:        needSubcommand,
		RunE:        func(cmd *cobra.Command, args []string) error { return usage("no subcommand of model") },
	}
	cmd.AddCommand(takesNames(newModelInspect(a)), takesNames(newModelQuantize(a)), newModelPull(a), newModelLs(a), newModelRm(a))
	return cmd
}

// needSubcommand is for commands that only group others.
func needSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("unknown command %s of %s", quote(args[0]), cmd.Name())
	}
	return nil
}

func newModelInspect(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect [flags] [DIR]",
		Short: "Describe a model",
		Long: `Describe the model in a folder, or without one the encoder and the reader inside the program.

Folders are those of Hugging Face and sentence-transformers: config.json, tokenizer.json or vocab.txt,
model.safetensors (also in shards), and for encoders modules.json. Models of the BERT family can be
read; what cannot be is named.`,
		Example: `  semsearch model inspect
  semsearch model inspect models/all-MiniLM-L6-v2`,
		Annotations: exitCodes("the model can be used", "", "it cannot, or an error"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("more than one folder")
			}
			if len(args) == 1 && args[0] == "" {
				return usage("the path is empty")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runInspect(args, asJSON) },
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// jsonModel is a model of model inspect --json.
type jsonModel struct {
	Role         string            `json:"role"` // "encoder" or "reader"
	Name         string            `json:"name"`
	Fingerprint  string            `json:"fingerprint"`
	Architecture string            `json:"architecture,omitempty"`
	Parameters   int64             `json:"parameters,omitempty"`
	Dim          int               `json:"dim,omitempty"`
	Layers       int               `json:"layers,omitempty"`
	Heads        int               `json:"heads,omitempty"`
	Intermediate int               `json:"intermediate,omitempty"`
	Activation   string            `json:"activation,omitempty"`
	Weights      string            `json:"weights,omitempty"` // of the encoder layers: "float" or "int8"
	Vocabulary   int               `json:"vocabulary,omitempty"`
	MaxTokens    int               `json:"max_tokens,omitempty"`
	Pooling      string            `json:"pooling,omitempty"`
	Normalize    *bool             `json:"normalize,omitempty"`
	Prompts      map[string]string `json:"prompts,omitempty"`
	Threshold    *float64          `json:"threshold,omitempty"`
}

func (a *app) runInspect(args []string, asJSON bool) error {
	var list []jsonModel
	if len(args) == 1 {
		m, err := inspectFolder(args[0])
		if err != nil {
			return err
		}
		list = append(list, m)
	} else {
		enc, err := a.models.encoder("")
		if err != nil {
			return err
		}
		m := jsonModel{Role: "encoder", Name: enc.Fingerprint(), Fingerprint: enc.Fingerprint(), Dim: enc.Dim()}
		if ck := checkpointOf(enc); ck != nil {
			m = modelOf("encoder", enc.Fingerprint(), enc.Dim(), ck)
		}
		rd, err := a.models.reader("")
		if err != nil {
			return err
		}
		t := rd.Threshold()
		r := jsonModel{Role: "reader", Name: "none", Threshold: &t}
		if ck := checkpointOf(rd); ck != nil {
			r = modelOf("reader", ck.Fingerprint(), 0, ck)
			r.Threshold = &t
		}
		list = append(list, m, r)
	}
	if asJSON {
		return a.printJSON(struct {
			Schema int         `json:"schema"`
			Models []jsonModel `json:"models"`
		}{jsonSchema, list})
	}
	for i, m := range list {
		if i > 0 {
			if _, err := fmt.Fprintln(a.stdout); err != nil {
				return err
			}
		}
		if err := a.printTable(m.rows()); err != nil {
			return err
		}
	}
	return nil
}

// inspectFolder opens the model in dir as what it is: a reader if it answers questions, else an encoder.
func inspectFolder(dir string) (jsonModel, error) {
	ck, err := checkpoint.Open(dir)
	if err != nil {
		return jsonModel{}, err
	}
	if strings.HasSuffix(ck.Architecture, "ForQuestionAnswering") {
		rd, err := qa.NewReader(ck, nil)
		if err != nil {
			return jsonModel{}, named(dir, err)
		}
		m, t := modelOf("reader", ck.Fingerprint(), 0, ck), rd.Threshold()
		m.Threshold = &t
		return m, nil
	}
	enc, err := encoder.New(ck, nil)
	if err != nil {
		return jsonModel{}, named(dir, err)
	}
	return modelOf("encoder", enc.Fingerprint(), enc.Dim(), ck), nil
}

func modelOf(role, fingerprint string, dim int, ck *checkpoint.Checkpoint) jsonModel {
	c := ck.Config
	m := jsonModel{
		Role: role, Name: ck.Name, Fingerprint: fingerprint, Architecture: ck.Architecture, Dim: dim,
		Layers: c.NumHiddenLayers, Heads: c.NumAttentionHeads, Intermediate: c.IntermediateSize, Activation: c.HiddenAct,
		Vocabulary: ck.Tokenizer.VocabSize(), MaxTokens: ck.MaxTokens, Prompts: ck.Prompts,
	}
	m.Weights = "float"
	if ck.Model.Int8Layers() > 0 {
		m.Weights = "int8"
	}
	h, i := int64(c.HiddenSize), int64(c.IntermediateSize)
	m.Parameters = int64(c.VocabSize+c.MaxPositionEmbeddings+c.TypeVocabSize)*h + 2*h +
		int64(c.NumHiddenLayers)*(4*(h*h+h)+2*h*i+i+h+4*h)
	if role == "encoder" {
		normalize := ck.Normalize
		m.Pooling, m.Normalize = fmt.Sprint(ck.Pooling), &normalize
	} else {
		m.Dim = c.HiddenSize
	}
	return m
}

// rows is the model for people.
func (m jsonModel) rows() [][2]string {
	rows := [][2]string{{m.Role, m.Name}}
	if m.Fingerprint != "" {
		rows = append(rows, [2]string{"fingerprint", m.Fingerprint})
	}
	if m.Architecture != "" {
		rows = append(rows,
			[2]string{"architecture", fmt.Sprintf("%s, %d layers, %d heads, %s", m.Architecture, m.Layers, m.Heads, m.Activation)},
			[2]string{"parameters", group(m.Parameters)},
			[2]string{"weights", m.Weights},
			[2]string{"vocabulary", group(int64(m.Vocabulary)) + " tokens"},
			[2]string{"longest text", fmt.Sprintf("%d tokens", m.MaxTokens)})
	}
	if m.Dim > 0 {
		rows = append(rows, [2]string{"dimensions", fmt.Sprint(m.Dim)})
	}
	if m.Pooling != "" {
		p := m.Pooling
		if m.Normalize != nil && *m.Normalize {
			p += ", normalized"
		}
		rows = append(rows, [2]string{"pooling", p})
	}
	for _, name := range slices.Sorted(maps.Keys(m.Prompts)) {
		rows = append(rows, [2]string{"prompt " + name, quote(m.Prompts[name])})
	}
	if m.Threshold != nil {
		rows = append(rows, [2]string{"threshold", fmt.Sprintf("%.3f", *m.Threshold)})
	}
	return rows
}
