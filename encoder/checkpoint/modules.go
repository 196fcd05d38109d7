package checkpoint

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// module is one entry of modules.json.
type module struct {
	Path string `json:"path"`
	Type string `json:"type"`
}

// modules reads modules.json: a Transformer, a Pooling and perhaps a Normalize, in this order. It
// fills what they say and returns the folder of the Transformer. Without the file nothing is said.
func (c *Checkpoint) modules(f folder) (dir string, err error) {
	var list []module
	ok, err := f.json("modules.json", &list)
	if err != nil || !ok {
		c.Pooling = PoolMean
		return ".", err
	}
	c.SentenceEncoder = true
	kinds := make([]string, len(list))
	for i, m := range list {
		kinds[i], err = m.kind()
		if err != nil {
			return "", f.errorf("modules.json", "%w", err)
		}
		if p := path.Clean("./" + m.Path); !fs.ValidPath(p) {
			return "", f.errorf("modules.json", "%w: path %q leaves the folder", ErrFormat, m.Path)
		} else {
			list[i].Path = p
		}
	}
	switch got := strings.Join(kinds, ", "); got {
	case "Transformer, Pooling, Normalize":
		c.Normalize = true
	case "Transformer, Pooling":
	default:
		return "", f.errorf("modules.json", "%w: modules %s, want Transformer, Pooling and perhaps Normalize", ErrUnsupported, got)
	}
	name := path.Join(list[1].Path, "config.json")
	data, err := f.read(name)
	if err != nil {
		return "", err
	}
	p, err := parsePooling(data)
	if err != nil {
		return "", f.errorf(name, "%w", formatError(err))
	}
	c.Pooling, c.ExcludePrompt, c.poolDim = p.mode, p.excludePrompt, p.dimension
	return list[0].Path, nil
}

// kind is the last part of the class name, which sentence-transformers has moved between packages.
func (m module) kind() (string, error) {
	if strings.HasPrefix(m.Type, "sentence_transformers.") {
		switch k := m.Type[strings.LastIndexByte(m.Type, '.')+1:]; k {
		case "Transformer", "Pooling", "Normalize":
			return k, nil
		case "BERT": // before version 0.3
			return "Transformer", nil
		}
	}
	return "", fmt.Errorf("%w: module %q", ErrUnsupported, m.Type)
}

// prompts reads config_sentence_transformers.json.
func (c *Checkpoint) prompts(f folder) error {
	const name = "config_sentence_transformers.json"
	var v struct {
		Prompts map[string]string `json:"prompts"`
		Default *string           `json:"default_prompt_name"`
	}
	if _, err := f.json(name, &v); err != nil {
		return err
	}
	c.Prompts = v.Prompts
	if v.Default != nil {
		if _, ok := v.Prompts[*v.Default]; !ok {
			return f.errorf(name, "%w: default_prompt_name %q is not among the prompts", ErrFormat, *v.Default)
		}
		c.DefaultPrompt = *v.Default
	}
	return nil
}

// QueryPrompt is the text to put before a query: the prompt named "query", or else the default one,
// or else none.
func (c *Checkpoint) QueryPrompt() string { return c.prompt("query") }

// PassagePrompt is the text to put before a passage: the first of the prompts named "document",
// "passage" and "corpus", or else the default one, or else none.
func (c *Checkpoint) PassagePrompt() string { return c.prompt("document", "passage", "corpus") }

func (c *Checkpoint) prompt(names ...string) string {
	for _, name := range names {
		if p, ok := c.Prompts[name]; ok {
			return p
		}
	}
	return c.Prompts[c.DefaultPrompt]
}
