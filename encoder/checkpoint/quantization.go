package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/semsearch/semsearch/encoder/safetensors"
	"github.com/semsearch/semsearch/encoder/transformer"
)

// quantization is "quantization_config" in a config.json: which matrices are int8, and whether their
// inputs are to be, too. docs/models.md describes it. The zero value is a float checkpoint.
type quantization struct {
	groups []quantGroup
	ignore []target
}

type quantGroup struct {
	name    string
	targets []target
	inputs  bool // quantised as well
	single  bool // one scale for the whole matrix
}

// target names modules: exactly, by an expression that matches from their start, or by their class.
type target struct {
	name string
	re   *regexp.Regexp
}

// quantArgs is how numbers are quantised. The pointers tell what is left out or null.
type quantArgs struct {
	Bits      int             `json:"num_bits"`
	Type      string          `json:"type"`
	Symmetric bool            `json:"symmetric"`
	Strategy  string          `json:"strategy"`
	Dynamic   json.RawMessage `json:"dynamic"`
	GroupSize *int            `json:"group_size"`
	ActOrder  json.RawMessage `json:"actorder"`
}

// parseQuantization reads the value of quantization_config.
func parseQuantization(data []byte) (q quantization, err error) {
	v := struct {
		Method    string                     `json:"quant_method"`
		Format    string                     `json:"format"`
		Status    string                     `json:"quantization_status"`
		Groups    map[string]json.RawMessage `json:"config_groups"`
		Ignore    []string                   `json:"ignore"`
		Cache     json.RawMessage            `json:"kv_cache_scheme"`
		Sparsity  json.RawMessage            `json:"sparsity_config"`
		Transform json.RawMessage            `json:"transform_config"`
	}{Status: "compressed"}
	if err := json.Unmarshal(data, &v); err != nil {
		return q, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if v.Method != "compressed-tensors" {
		return q, fmt.Errorf("%w: quant_method %q, want \"compressed-tensors\"", ErrUnsupported, v.Method)
	}
	if !intFormat(v.Format) {
		return q, fmt.Errorf("%w: format %q, want \"int-quantized\"", ErrUnsupported, v.Format)
	}
	if v.Status != "compressed" {
		return q, fmt.Errorf("%w: quantization_status %q, want \"compressed\"", ErrUnsupported, v.Status)
	}
	for _, f := range []struct {
		key   string
		value json.RawMessage
	}{{"kv_cache_scheme", v.Cache}, {"sparsity_config", v.Sparsity}, {"transform_config", v.Transform}} {
		if !empty(f.value) {
			return q, fmt.Errorf("%w: %s", ErrUnsupported, f.key)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.Groups)) {
		g, err := parseGroup(v.Groups[name])
		if err != nil {
			return q, fmt.Errorf("config_groups.%s: %w", name, err)
		}
		g.name = name
		q.groups = append(q.groups, g)
	}
	if len(q.groups) == 0 {
		return q, fmt.Errorf("%w: no config_groups", ErrFormat)
	}
	q.ignore, err = parseTargets(v.Ignore)
	if err != nil {
		err = fmt.Errorf("ignore: %w", err)
	}
	return q, err
}

func intFormat(s string) bool { return s == "int-quantized" || s == "naive-quantized" }

// empty says whether a value is left out or says nothing.
func empty(v json.RawMessage) bool {
	switch string(bytes.TrimSpace(v)) {
	case "", "null", "{}", "[]":
		return true
	}
	return false
}

func parseGroup(data []byte) (g quantGroup, err error) {
	var v struct {
		Targets []string        `json:"targets"`
		Weights *quantArgs      `json:"weights"`
		Inputs  *quantArgs      `json:"input_activations"`
		Outputs json.RawMessage `json:"output_activations"`
		Format  *string         `json:"format"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return g, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if v.Format != nil && !intFormat(*v.Format) {
		return g, fmt.Errorf("%w: format %q, want \"int-quantized\"", ErrUnsupported, *v.Format)
	}
	if v.Weights == nil {
		return g, fmt.Errorf("%w: weights are missing", ErrFormat)
	}
	if err := v.Weights.check("weights", "false", "channel", "tensor"); err != nil {
		return g, err
	}
	g.single = v.Weights.Strategy == "tensor"
	if v.Inputs != nil {
		if err := v.Inputs.check("input_activations", "true", "token"); err != nil {
			return g, err
		}
		g.inputs = true
	}
	if !empty(v.Outputs) {
		return g, fmt.Errorf("%w: output_activations", ErrUnsupported)
	}
	if len(v.Targets) == 0 {
		return g, fmt.Errorf("%w: no targets", ErrFormat)
	}
	if g.targets, err = parseTargets(v.Targets); err != nil {
		err = fmt.Errorf("targets: %w", err)
	}
	return g, err
}

// check refuses what is not 8 bit, symmetric, and of one of the strategies.
func (a *quantArgs) check(key, dynamic string, strategies ...string) error {
	said := cmp.Or(string(bytes.TrimSpace(a.Dynamic)), "false")
	switch {
	case a.Bits != 8:
		return fmt.Errorf("%w: %s.num_bits is %d, want 8", ErrUnsupported, key, a.Bits)
	case a.Type != "int":
		return fmt.Errorf("%w: %s.type %q, want \"int\"", ErrUnsupported, key, a.Type)
	case !a.Symmetric:
		return fmt.Errorf("%w: %s are not symmetric", ErrUnsupported, key)
	case !slices.Contains(strategies, a.Strategy):
		return fmt.Errorf("%w: %s.strategy %q, want %q", ErrUnsupported, key, a.Strategy, strategies[0])
	case said != dynamic:
		return fmt.Errorf("%w: %s.dynamic is %s, want %s", ErrUnsupported, key, said, dynamic)
	case a.GroupSize != nil && *a.GroupSize > 0:
		return fmt.Errorf("%w: %s.group_size is %d, want null", ErrUnsupported, key, *a.GroupSize)
	case !empty(a.ActOrder) && string(bytes.TrimSpace(a.ActOrder)) != "false":
		return fmt.Errorf("%w: %s.actorder", ErrUnsupported, key)
	}
	return nil
}

func parseTargets(list []string) (ts []target, err error) {
	for _, s := range list {
		t := target{name: s}
		if expr, ok := strings.CutPrefix(s, "re:"); ok {
			if t.re, err = regexp.Compile("^(?:" + expr + ")"); err != nil {
				return nil, fmt.Errorf("%w: %q: %w", ErrUnsupported, s, err)
			}
		}
		ts = append(ts, t)
	}
	return ts, nil
}

// The ranks of matches; the least wins.
const (
	byName = iota
	byExpression
	byClass
	noMatch
)

// match says how the best of the targets matches a module.
func match(ts []target, module, class string) int {
	best := noMatch
	for _, t := range ts {
		switch {
		case t.re != nil:
			if t.re.MatchString(module) {
				best = min(best, byExpression)
			}
		case t.name == module:
			best = min(best, byName)
		case t.name == class:
			best = min(best, byClass)
		}
	}
	return best
}

// group returns the group of a module, nil when it is float.
func (q *quantization) group(module, class string) *quantGroup {
	if match(q.ignore, module, class) != noMatch {
		return nil
	}
	var g *quantGroup
	best := noMatch
	for i := range q.groups {
		if m := match(q.groups[i].targets, module, class); m < best {
			g, best = &q.groups[i], m
		}
	}
	return g
}

// classOf is the class of the module that a matrix belongs to, as PyTorch calls it.
func classOf(module string) string {
	if strings.HasSuffix(module, "_embeddings") {
		return "Embedding"
	}
	return "Linear"
}

// matrix says how a matrix NAME.weight is stored: nil for a float one. The file and its configuration
// must agree.
func (w *weights) matrix(s *shard, stored string) (*quantGroup, error) {
	module, ok := strings.CutSuffix(stored, ".weight")
	info, _ := s.file.Info(stored)
	int8 := info.DType == "I8"
	var g *quantGroup
	if ok && len(info.Shape) == 2 {
		g = w.quant.group(module, classOf(module))
	}
	switch {
	case int8 && g == nil && len(w.quant.groups) == 0:
		return nil, w.folder.errorf(s.name, "%w: %s is I8, but config.json has no quantization_config", ErrFormat, stored)
	case int8 && g == nil:
		return nil, w.folder.errorf(s.name, "%w: %s is I8, but quantization_config does not target %s", ErrFormat, stored, module)
	case !int8 && g != nil:
		return nil, w.folder.errorf(s.name, "%w: %s is %s, but config_groups.%s makes it int8", ErrFormat, stored, info.DType, g.name)
	}
	return g, nil
}

// readInt8 reads an int8 matrix and its scales.
func (w *weights) readInt8(s *shard, stored string, g *quantGroup, rows, cols int) (*transformer.Int8Matrix, error) {
	q, err := s.file.Int8(stored, rows, cols)
	if err != nil {
		return nil, w.folder.errorf(s.name, "%w", formatError(err))
	}
	name, shape, n := stored+"_scale", []int{rows, 1}, rows
	if g.single {
		shape, n = []int{1}, 1
	}
	ss := w.tensors[name]
	if ss == nil {
		return nil, w.folder.errorf(s.name, "%w: %s: %w", ErrFormat, name, safetensors.ErrNotFound)
	}
	scale, err := ss.file.Float32(name, shape...)
	if err != nil {
		return nil, w.folder.errorf(ss.name, "%w", formatError(err))
	}
	for i, x := range scale[:n] {
		if !(x >= 0) || math.IsInf(float64(x), 0) {
			return nil, w.folder.errorf(ss.name, "%w: %s: number %d is %v, want a scale", ErrFormat, name, i, x)
		}
	}
	if g.single {
		scale = slices.Repeat(scale, rows)
	}
	name = stored + "_zero_point"
	if zs := w.tensors[name]; zs != nil {
		zero, err := zs.file.Int8(name)
		if err != nil {
			return nil, w.folder.errorf(zs.name, "%w", formatError(err))
		}
		if slices.ContainsFunc(zero, func(z int8) bool { return z != 0 }) {
			return nil, w.folder.errorf(zs.name, "%w: %s is not zero", ErrUnsupported, name)
		}
	}
	return &transformer.Int8Matrix{Q: q, Scale: scale}, nil
}

// Int8 returns a matrix that is int8 in the file and is to be used so; it implements
// transformer.Int8Weights.
func (w *weights) Int8(name string, rows, cols int) (*transformer.Int8Matrix, error) {
	s, stored := w.find(name)
	if s == nil {
		return nil, nil // Tensor says so
	}
	g, err := w.matrix(s, stored)
	if err != nil || g == nil {
		return nil, err
	}
	if !g.inputs && classOf(strings.TrimSuffix(stored, ".weight")) != "Embedding" {
		return nil, nil // int8 weights and float inputs: computed in float
	}
	return w.readInt8(s, stored, g, rows, cols)
}

// dequantized returns an int8 matrix as float32.
func (w *weights) dequantized(s *shard, stored string, g *quantGroup, shape []int) ([]float32, error) {
	if len(shape) == 0 {
		info, _ := s.file.Info(stored)
		shape = info.Shape
	}
	if len(shape) != 2 {
		return nil, w.folder.errorf(s.name, "%w: %s: %w: want %v", ErrFormat, stored, safetensors.ErrShape, shape)
	}
	t, err := w.readInt8(s, stored, g, shape[0], shape[1])
	if err != nil {
		return nil, err
	}
	x := make([]float32, len(t.Q))
	for i, q := range t.Q {
		x[i] = float32(q) * t.Scale[i/shape[1]]
	}
	return x, nil
}

// scalesOnly says whether a tensor belongs to an int8 matrix beside it.
func (w *weights) scalesOnly(name string) bool {
	for _, suffix := range []string{"_scale", "_zero_point"} {
		if base, ok := strings.CutSuffix(name, suffix); ok && strings.HasSuffix(base, ".weight") && w.tensors[base] != nil {
			return true
		}
	}
	return false
}

// quantization reads quantization_config from config.json as read.
func (c *Checkpoint) quantization(f folder) error {
	if _, ok := c.raw["compression_config"]; ok {
		return f.errorf("config.json", "%w: compression_config, want its newer name quantization_config", ErrUnsupported)
	}
	data, ok := c.raw["quantization_config"]
	if !ok || string(bytes.TrimSpace(data)) == "null" {
		return nil
	}
	q, err := parseQuantization(data)
	if err != nil {
		if !errors.Is(err, ErrUnsupported) {
			err = formatError(err)
		}
		return f.errorf("config.json", "quantization_config: %w", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return f.errorf("config.json", "%w: %w", ErrFormat, err)
	}
	c.quant, c.quantSaid = q, compact.Bytes()
	return nil
}

// Quantized says whether the folder holds int8 weights.
func (c *Checkpoint) Quantized() bool { return len(c.quant.groups) > 0 }
