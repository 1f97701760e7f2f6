//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// unreadable is JavaScript that lists the visible texts whose contrast with what is behind them is below 4.5 to 1, the
// limit of WCAG 2.2 (1.4.3), and the elements that are cut off or reach beyond the window.
const unreadable = `(() => {
	const parse = color => {
		const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number)
		return [red, green, blue, alpha]
	}
	const over = (front, back) => back.map((c, i) => front[i] * front[3] + c * (1 - front[3]))
	const behind = element => {
		const layers = []
		for (let e = element; e; e = e.parentElement) layers.unshift(parse(getComputedStyle(e).backgroundColor))
		return layers.reduce((back, layer) => over(layer, back), [255, 255, 255])
	}
	const luminance = color => {
		const [r, g, b] = color.map(c => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
		return .2126 * r + .7152 * g + .0722 * b
	}
	const contrast = (a, b) => {
		const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y)
		return (light + .05) / (dark + .05)
	}
	const problems = new Set()
	const judge = (element, color, text) => {
		const back = behind(element), ratio = contrast(over(parse(color), back), back)
		if (ratio < 4.5) problems.add('contrast ' + ratio.toFixed(2) + ' of "' + text.trim().slice(0, 40) + '"')
	}
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
	while (texts.nextNode()) {
		const element = texts.currentNode.parentElement
		if (texts.currentNode.data.trim() && element.checkVisibility())
			judge(element, getComputedStyle(element).color, texts.currentNode.data)
	}
	for (const field of document.querySelectorAll('input[placeholder]'))
		judge(field, getComputedStyle(field, '::placeholder').color, field.placeholder)
	for (const e of document.querySelectorAll('main *')) {
		if (!e.checkVisibility() || e.closest('thead, svg') || !e.clientWidth) continue
		if (e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
			problems.add('beyond the window: ' + e.outerHTML.slice(0, 80))
		if (e.matches('td, th, p, a, .badge, .card, .panel') && e.scrollWidth > e.clientWidth + 2)
			problems.add('cut off: ' + e.outerHTML.slice(0, 80))
	}
	return [...problems]
})()`

// checkReadable asserts that every text of the page can be read in the window and the scheme that are set.
func (b *browser) checkReadable(t *testing.T) {
	t.Helper()
	var problems []string
	b.eval(unreadable, &problems)
	if len(problems) > 0 {
		t.Errorf("%s: %s", b.place(), strings.Join(problems, "\n"))
	}
}
