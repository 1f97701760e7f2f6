package grafana

import (
	"fmt"
	"strings"
)

type object = map[string]any

const source = "${datasource}"

func (d Dashboard) model() object {
	return object{
		"uid": d.UID, "title": d.Title, "description": d.Description, "tags": []string{"m365_connector_exporter"},
		"schemaVersion": 39, "version": 1, "editable": false, "graphTooltip": 1, "refresh": "1m", "timezone": "browser",
		"time":        object{"from": "now-24h", "to": "now"},
		"templating":  object{"list": d.variables()},
		"panels":      d.panels(),
		"annotations": object{"list": []any{}},
		"links": []object{{
			"type": "dashboards", "title": "Microsoft 365 connectors", "tags": []string{"m365_connector_exporter"},
			"asDropdown": true, "includeVars": true, "keepTime": true,
		}},
	}
}

func (d Dashboard) variables() []object {
	list := []object{
		{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
		choice("job", "label_values("+d.target()+", job)"),
		choice("instance", "label_values("+d.target(`job=~"$job"`)+", instance)"),
	}
	matchers := `job=~"$job", instance=~"$instance"`
	for _, label := range d.Variables {
		list = append(list, choice(label, "label_values("+d.labels()+"{"+matchers+"}, "+label+")"))
		matchers += ", " + label + `=~"$` + label + `"`
	}
	return append(list, object{ // the address under which people reach an exporter, for the links of the panels
		"name": "exporter", "label": "Exporter", "type": "textbox", "query": exporterURL,
		"current": object{"text": exporterURL, "value": exporterURL},
	})
}

const exporterURL = "http://localhost:10587"

// target returns a selector of the series that the dashboard's targets have in common.
func (d Dashboard) target(matchers ...string) string {
	if d.OnDemand {
		return "up{" + strings.Join(append([]string{`connector_type!=""`}, matchers...), ", ") + "}"
	}
	if len(matchers) == 0 {
		return "m365_connector_exporter_build_info"
	}
	return "m365_connector_exporter_build_info{" + strings.Join(matchers, ", ") + "}"
}

// labels returns the metric whose labels the variables offer.
func (d Dashboard) labels() string {
	if d.OnDemand {
		return "probe_success"
	}
	return "m365_connector_info"
}

func choice(name, query string) object {
	return object{
		"name": name, "label": strings.ToUpper(name[:1]) + name[1:], "type": "query",
		"datasource": object{"type": "prometheus", "uid": source},
		"query":      object{"query": query, "refId": name}, "definition": query, "refresh": 2, "sort": 1,
		"multi": true, "includeAll": true, "allValue": ".+", "current": object{"text": "All", "value": "$__all"},
	}
}

func (d Dashboard) selector() string {
	matchers := []string{`job=~"$job"`, `instance=~"$instance"`}
	for _, label := range d.Variables {
		matchers = append(matchers, label+`=~"$`+label+`"`)
	}
	return strings.Join(matchers, ", ")
}

// panels places the rows from top to bottom and the panels of each from left to right.
func (d Dashboard) panels() []object {
	var list []object
	y, id := 0, 1
	for _, row := range d.Rows {
		list = append(list, object{
			"id": id, "type": "row", "title": row.Title, "collapsed": false, "panels": []any{}, "gridPos": at(0, y, 24, 1),
		})
		y, id = y+1, id+1
		x, tallest := 0, 0
		for _, p := range row.Panels {
			w, h := p.Width, p.Height
			if w == 0 {
				w = 8
			}
			if h == 0 {
				h = 8
			}
			if x+w > 24 {
				x, y, tallest = 0, y+tallest, 0
			}
			list = append(list, p.model(id, at(x, y, w, h), d.selector()))
			x, id, tallest = x+w, id+1, max(tallest, h)
		}
		y += tallest
	}
	return list
}

func at(x, y, w, h int) object { return object{"x": x, "y": y, "w": w, "h": h} }

func (p Panel) model(id int, position object, selector string) object {
	var targets []object
	for i, q := range p.Queries {
		expr := strings.ReplaceAll(q.Expr, "{@", "{"+selector)
		t := object{"refId": string(rune('A' + i)), "expr": expr, "datasource": object{"type": "prometheus", "uid": source}}
		switch p.Kind {
		case "table":
			t["format"], t["instant"] = "table", true
		case "stat", "bargauge":
			t["instant"], t["legendFormat"] = true, q.Legend
		default:
			t["legendFormat"] = q.Legend
		}
		targets = append(targets, t)
	}
	transforms := p.Transforms
	if transforms == nil {
		transforms = []any{}
	}
	return object{
		"id": id, "type": p.Kind, "title": p.Title, "description": p.Description, "gridPos": position,
		"datasource": object{"type": "prometheus", "uid": source}, "targets": targets, "transformations": transforms,
		"fieldConfig": object{"defaults": object{
			"links": p.links(), "unit": p.Unit, "mappings": mappings(p.Unit),
			"thresholds": object{"mode": "absolute", "steps": steps(p.Thresholds)},
		}, "overrides": []any{}},
		"options": options[p.Kind],
	}
}

// links returns the links of a panel's values to the exporter's pages: in a table from its columns, elsewhere from the
// labels that the legend shows.
func (p Panel) links() []object {
	has := func(label string) bool {
		for _, t := range p.Transforms {
			if strings.Contains(fmt.Sprint(t), " "+label+":true") || strings.Contains(fmt.Sprint(t), "["+label+":true") {
				return p.Kind == "table"
			}
		}
		return len(p.Queries) == 1 && strings.Contains(p.Queries[0].Legend, "{{"+label+"}}")
	}
	field := func(label string) string {
		if p.Kind == "table" {
			return "${__data.fields." + label + ":percentencode}"
		}
		return "${__field.labels." + label + ":percentencode}"
	}
	links := []object{}
	add := func(title, url string) {
		links = append(links, object{"title": title, "url": "${exporter}" + url, "targetBlank": true})
	}
	switch {
	case has("round_trip"):
		add("Round trip on the exporter", "/round-trips?tenant="+field("tenant")+"&q="+field("round_trip"))
	case has("domain"):
		add("TLS reports on the exporter", "/round-trips?q="+field("domain")+"#tls-reports")
	case has("tenant") && has("connector"):
		add("Connector on the exporter", "/?tenant="+field("tenant")+"&q="+field("connector"))
	case has("tenant"):
		add("Tenant on the exporter", "/?tenant="+field("tenant"))
	case has("host"):
		add("Host on the exporter", "/?q="+field("host"))
	}
	if has("check") {
		add("What the check means", "/reference#check-"+field("check"))
	}
	if has("reason") && !has("cmdlet") { // the reasons of reads are others
		add("What the reason means", "/reference#reason-"+field("reason"))
	}
	return links
}

// quantile returns the query of a histogram's quantile that works for classic and native histograms.
func quantile(q, histogram, by string) string {
	rate := "(rate(" + histogram + "%s{@}[$__rate_interval]))"
	classic, native := "sum by (le) ", "sum"
	if by != "" {
		classic, native = "sum by ("+by+", le) ", "sum by ("+by+") "
	}
	return "histogram_quantile(" + q + ", " + classic + fmt.Sprintf(rate, "_bucket") +
		") or histogram_quantile(" + q + ", " +
		native + fmt.Sprintf(rate, "") + ")"
}

var options = map[string]object{
	"stat": {
		"colorMode": "background", "graphMode": "none", "reduceOptions": lastValue, "textMode": "auto",
	},
	"bargauge": {
		"displayMode": "basic", "orientation": "horizontal", "reduceOptions": lastValue, "showUnfilled": true,
	},
	"timeseries": {"legend": legend, "tooltip": object{"mode": "multi", "sort": "desc"}},
	"table":      {"showHeader": true, "footer": object{"show": false}},
	"state-timeline": {
		"mergeValues": true, "showValue": "never", "rowHeight": 0.8, "legend": legend,
	},
}

var (
	lastValue = object{"calcs": []string{"lastNotNull"}}
	legend    = object{"displayMode": "list", "placement": "bottom"}
)

// steps returns the color thresholds: "high" (1 is good, less is bad), "zero" (0 is good), "days" (7 and 30 days in
// seconds), or none.
func steps(good string) []object {
	step := func(color string, value any) object { return object{"color": color, "value": value} }
	switch good {
	case "high":
		return []object{step("red", nil), step("orange", 0.5), step("green", 1)}
	case "zero":
		return []object{step("green", nil), step("red", 1)}
	case "days":
		return []object{step("red", nil), step("orange", 7*86400), step("green", 30*86400)}
	default:
		return []object{step("blue", nil)}
	}
}

// mappings returns words for 0 and 1, so that the meaning does not depend on color alone.
func mappings(unit string) []object {
	if unit != "bool_yes_no" {
		return []object{}
	}
	return []object{{"type": "value", "options": object{
		"0": object{"text": "fails", "color": "red", "index": 0},
		"1": object{"text": "passes", "color": "green", "index": 1},
	}}}
}

// tidy turns an instant query into a table: only these labels, in this order, and the value under a name.
func tidy(value string, labels ...string) []any {
	index, rename, include := object{}, object{"Value": value}, object{}
	for i, label := range labels {
		index[label] = i
		include[label] = true
	}
	index["Value"] = len(labels)
	include["Value"] = value != ""
	return []any{object{"id": "organize", "options": object{
		"indexByName": index, "renameByName": rename, "includeByName": include,
	}}}
}

// grid turns an instant query into a matrix of two labels.
func grid(row, column string) []any {
	return []any{object{"id": "groupingToMatrix", "options": object{
		"rowField": row, "columnField": column, "valueField": "Value", "emptyValue": "empty",
	}}}
}
