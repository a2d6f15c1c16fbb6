package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
)

// drawPicture draws a bottle in a colour (0xrrggbb) for a product of the demo.
func drawPicture(rgb uint32) ([]byte, error) {
	const width, height = 480, 480
	tint := func(share int) color.RGBA {
		mix := func(c uint32) uint8 { return uint8((int(c&0xff)*share + 255*(100-share)) / 100) }
		return color.RGBA{mix(rgb >> 16), mix(rgb >> 8), mix(rgb), 255}
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, tint(8+y*14/height))
		}
	}
	for _, part := range []struct {
		box    image.Rectangle
		radius int
		share  int
	}{
		{image.Rect(196, 70, 284, 140), 12, 95}, // cap
		{image.Rect(208, 136, 272, 168), 4, 45}, // neck
		{image.Rect(150, 160, 330, 430), 44, 60},
		{image.Rect(176, 250, 304, 360), 10, 5}, // label
		{image.Rect(196, 282, 284, 292), 5, 70},
		{image.Rect(212, 308, 268, 314), 3, 40},
	} {
		fillRounded(img, part.box, part.radius, tint(part.share))
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("draw picture: %w", err)
	}
	return out.Bytes(), nil
}

// fillRounded fills a rectangle with rounded corners.
func fillRounded(img *image.RGBA, box image.Rectangle, radius int, c color.Color) {
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			dx := max(box.Min.X+radius-x, x-(box.Max.X-1-radius), 0)
			dy := max(box.Min.Y+radius-y, y-(box.Max.Y-1-radius), 0)
			if dx*dx+dy*dy <= radius*radius {
				img.Set(x, y, c)
			}
		}
	}
}
