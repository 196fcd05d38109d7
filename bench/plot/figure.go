package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// figure is what is drawn.
type figure struct {
	title, x, y string // words, with units
	logX, logY  bool
	series      []series
	ticksX      []float64 // where the ticks of x are; nil means where they look well
	rangeX      [2]float64
	rangeY      [2]float64 // axes hold these too; equal means nothing
	diagonal    string     // name of the line y = x; "" draws none
}

// series is one line.
type series struct {
	name   string
	points []point
	marks  bool // a mark at each point
}

// point is a place on a line. Its interval is drawn when low < high. size is the area of its mark beside
// others, 0 for marks of one size.
type point struct {
	x, y      float64
	low, high float64
	size      float64
	note      string // printed beside it
}

// Okabe and Ito (2008): seven colours that people with any kind of colour vision tell apart. Lines differ in
// dashes and marks as well.
var colors = []color.NRGBA{
	{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff},
	{0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff}, {0x00, 0x00, 0x00, 0xff},
}

var dashes = [][]vg.Length{nil, {6, 3}, {2, 2}, {8, 2, 2, 2}}

var shapes = []draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.SquareGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.BoxGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{},
}

// svg draws the figure, width by height points.
func (f *figure) svg(width, height float64) ([]byte, error) {
	n := 0
	for _, s := range f.series {
		n += len(s.points)
		for _, p := range s.points {
			for _, v := range []float64{p.x, p.y, p.low, p.high, p.size} {
				if math.IsNaN(v) || math.Abs(v) > 1e300 {
					return nil, fmt.Errorf("%s: %v cannot be drawn", s.name, v)
				}
			}
			if f.logX && p.x <= 0 {
				return nil, fmt.Errorf("%s: x is %v, which a logarithmic axis does not have", s.name, p.x)
			}
			if f.logY && (p.y <= 0 || p.low < p.high && p.low <= 0) {
				return nil, fmt.Errorf("%s: y is %v, or its interval starts there, which a logarithmic axis does not have", s.name, min(p.y, p.low))
			}
		}
	}
	if n == 0 {
		return nil, errors.New("there is nothing to draw")
	}
	sans := font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = f.title, f.x, f.y
	p.Title.TextStyle.Font = font.From(sans, 12)
	p.Title.Padding = 6
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font = font.From(sans, 10)
		a.Tick.Label.Font = font.From(sans, 9)
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks{log: f.logX, at: f.ticksX}, ticks{log: f.logY}
	if f.logX {
		p.X.Scale = plot.LogScale{}
	}
	if f.logY {
		p.Y.Scale = plot.LogScale{}
	}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{0xdd}, color.Gray{0xdd}
	p.Add(grid)

	legend := plot.NewLegend()
	legend.TextStyle.Font = font.From(sans, 9)
	legend.Top, legend.Left = true, true
	legend.Padding = 3
	legend.ThumbnailWidth = 22
	names := 0.0
	enter := func(name string, t ...plot.Thumbnailer) {
		if name != "" {
			legend.Add(name, t...)
			names = max(names, legend.TextStyle.Width(name).Points())
		}
	}
	if f.diagonal != "" {
		l, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}})
		if err != nil {
			return nil, err
		}
		l.Color, l.Dashes = color.Gray{0x77}, []vg.Length{3, 3}
		p.Add(l)
		enter(f.diagonal, l)
	}
	for i, s := range f.series {
		if err := s.add(p, i, enter); err != nil {
			return nil, err
		}
	}
	if f.rangeX[0] != f.rangeX[1] {
		p.X.Min, p.X.Max = min(p.X.Min, f.rangeX[0]), max(p.X.Max, f.rangeX[1])
	}
	if f.rangeY[0] != f.rangeY[1] {
		p.Y.Min, p.Y.Max = min(p.Y.Min, f.rangeY[0]), max(p.Y.Max, f.rangeY[1])
	}
	widen(&p.X, f.logX)
	widen(&p.Y, f.logY)

	c := vgsvg.New(vg.Length(width), vg.Length(height))
	all := draw.New(c)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	all = draw.Crop(all, 6, -10, 6, -6)
	right := vg.Length(0)
	if names > 0 {
		right = legend.ThumbnailWidth + vg.Length(names) + 14
		if right > vg.Length(width)*0.6 {
			return nil, errors.New("the names of the lines leave no room for the figure: make it wider")
		}
		side := draw.Crop(all, all.Max.X-all.Min.X-right+8, 0, 0, -24)
		legend.Draw(side)
	}
	p.Draw(draw.Crop(all, 0, -right, 0, 0))

	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, err
	}
	return f.finish(b.Bytes())
}

// finish names fonts of the same widths for where Liberation is not there, and gives the figure a title that
// screen readers read.
func (f *figure) finish(svg []byte) ([]byte, error) {
	svg = bytes.ReplaceAll(svg, []byte("font-family:Liberation Sans;font-variant:normal;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"))
	at := bytes.Index(svg, []byte(">\n<g transform"))
	if at < 0 || bytes.Contains(svg, []byte("font-family:Liberation Sans;")) {
		return nil, errors.New("the library writes SVG in an unknown form")
	}
	var title bytes.Buffer
	title.WriteString(" role=\"img\">\n<title>")
	if err := xml.EscapeText(&title, []byte(f.title)); err != nil {
		return nil, err
	}
	title.WriteString("</title>")
	return append(svg[:at:at], append(title.Bytes(), svg[at+1:]...)...), nil
}

// add draws line i.
func (s *series) add(p *plot.Plot, i int, enter func(string, ...plot.Thumbnailer)) error {
	c := colors[i%len(colors)]
	var xys plotter.XYs
	var upper, lower plotter.XYs
	most := 0.0
	for _, q := range s.points {
		xys = append(xys, plotter.XY{X: q.x, Y: q.y})
		most = max(most, q.size)
		if q.low < q.high {
			upper = append(upper, plotter.XY{X: q.x, Y: q.high})
			lower = append(plotter.XYs{{X: q.x, Y: q.low}}, lower...)
		}
	}
	if len(upper) > 1 {
		band, err := plotter.NewPolygon(append(upper, lower...))
		if err != nil {
			return err
		}
		shade := c
		shade.A = 0x28
		band.Color, band.LineStyle.Width = shade, 0
		p.Add(band)
	} else if len(upper) == 1 {
		bar, err := plotter.NewLine(plotter.XYs{upper[0], lower[0]})
		if err != nil {
			return err
		}
		bar.Color = c
		p.Add(bar)
	}
	l, err := plotter.NewLine(xys)
	if err != nil {
		return err
	}
	l.Color, l.Width, l.Dashes = c, 1.5, dashes[i%len(dashes)]
	p.Add(l)
	thumbs := []plot.Thumbnailer{l}
	if s.marks || len(xys) == 1 {
		sc, err := plotter.NewScatter(xys)
		if err != nil {
			return err
		}
		sc.GlyphStyle = draw.GlyphStyle{Color: c, Radius: 2.8, Shape: shapes[i%len(shapes)]}
		if most > 0 {
			sc.GlyphStyleFunc = func(j int) draw.GlyphStyle {
				g := sc.GlyphStyle
				g.Radius = vg.Length(1.5 + 5*math.Sqrt(s.points[j].size/most))
				return g
			}
		}
		p.Add(sc)
		thumbs = append(thumbs, sc)
	}
	for _, q := range s.points {
		if q.note == "" {
			continue
		}
		notes, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: q.x, Y: q.y}}, Labels: []string{q.note}})
		if err != nil {
			return err
		}
		notes.TextStyle[0].Font = font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, 7)
		notes.TextStyle[0].Color = c
		notes.TextStyle[0].XAlign, notes.TextStyle[0].YAlign = draw.XCenter, draw.YBottom
		notes.Offset = vg.Point{Y: 7}
		p.Add(notes)
	}
	enter(s.name, thumbs...)
	return nil
}

// widen gives an axis of a single value some room.
func widen(a *plot.Axis, log bool) {
	if a.Min != a.Max {
		return
	}
	if log {
		a.Min, a.Max = a.Min/2, a.Max*2
		return
	}
	d := max(math.Abs(a.Min)/2, 0.5)
	a.Min, a.Max = a.Min-d, a.Max+d
}

// ticks places the ticks of an axis.
type ticks struct {
	log bool
	at  []float64 // at these places, if any
}

// Ticks returns at most about seven labelled ticks, at 1, 2 or 5 times a power of ten, or at powers of ten.
func (t ticks) Ticks(low, high float64) []plot.Tick {
	var out []plot.Tick
	for _, v := range t.at {
		if low <= v && v <= high {
			out = append(out, plot.Tick{Value: v, Label: short(v)})
		}
	}
	if len(t.at) > 0 {
		return out
	}
	if t.log {
		return logTicks(low, high)
	}
	step := math.Pow(10, math.Floor(math.Log10((high-low)/5)))
	for _, m := range []float64{1, 2, 5, 10} {
		if (high-low)/(m*step) <= 7 {
			step *= m
			break
		}
	}
	for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9; i++ {
		v := min(max(roundTo(i*step, 12), low), high) // a tick outside is not drawn
		if math.Abs(v) < step/2 {
			v = 0
		}
		out = append(out, plot.Tick{Value: v, Label: short(v)})
	}
	return out
}

// logTicks has labels at 1, 2 and 5 where few powers of ten are in sight, else at every power, or every
// second, third and so on.
func logTicks(low, high float64) []plot.Tick {
	from, to := int(math.Floor(math.Log10(low)+1e-9)), int(math.Ceil(math.Log10(high)-1e-9))
	every := max(1, (to-from+6)/7)
	var out []plot.Tick
	for e := from; e <= to; e++ {
		for m := 1; m < 10; m++ {
			v := float64(m) * math.Pow10(e)
			if v < low*(1-1e-9) || v > high*(1+1e-9) {
				continue
			}
			tick := plot.Tick{Value: min(max(v, low), high)}
			if m == 1 && (e-from)%every == 0 || to-from <= 3 && (m == 2 || m == 5) {
				tick.Label = short(v)
			}
			if every == 1 || m == 1 {
				out = append(out, tick)
			}
		}
	}
	return out
}

// short writes a number for an axis: 0.05, 20, 1.5k, 16M, 2G.
func short(v float64) string {
	unit := ""
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.size*(1-1e-9) {
			v, unit = v/u.size, u.name
			break
		}
	}
	return strconv.FormatFloat(roundTo(v, 6), 'g', -1, 64) + unit
}

// roundTo keeps so many significant digits: 0.30000000000000004 is 0.3.
func roundTo(v float64, digits int) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
	if err != nil {
		return v
	}
	return r
}
