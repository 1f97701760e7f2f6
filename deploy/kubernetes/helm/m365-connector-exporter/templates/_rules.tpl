{{/* The thresholds of alerts: the value's name, the alert, its severity in the rule files, and the text around the number. */}}
{{- define "m365.thresholds" -}}
- { name: certificateWarningDays, alert: M365ConnectorCertificateExpiring, severity: warning, default: "30", before: "seconds < ", after: " * 86400" }
- { name: certificateWarningRatio, alert: M365ConnectorCertificateExpiring, severity: warning, default: "0.25", before: "ratio < ", after: "" }
- { name: certificateCriticalDays, alert: M365ConnectorCertificateExpiring, severity: critical, default: "7", before: "seconds < ", after: " * 86400" }
- { name: certificateCriticalRatio, alert: M365ConnectorCertificateExpiring, severity: critical, default: "0.10", before: "ratio < ", after: "" }
- { name: suppressionExpiringDays, alert: M365ConnectorSuppressionExpiring, severity: info, default: "14", before: "< ", after: " * 86400" }
- { name: mostPathsFailingRatio, alert: M365ConnectorMostPathsFailing, severity: critical, default: "0.5", before: "[1d]) > ", after: "" }
- { name: scheduleLagSeconds, alert: M365ConnectorScheduleLagging, severity: warning, default: "60", before: "> ", after: "" }
- { name: throttledPerHour, alert: M365ConnectorThrottled, severity: warning, default: "5", before: ">= ", after: "" }
{{- end }}

{{/* One rule, with what the values change: .root, .rule. Empty where its alert is disabled. */}}
{{- define "m365.rule" -}}
{{- if .rule.alert }}
{{- $own := default dict (index .root.Values.prometheusRule.alerts .rule.alert) }}
{{- if or (not (hasKey $own "enabled")) $own.enabled }}{{ include "m365.alert" (merge (dict "own" $own) .) }}{{ end }}
{{- else }}
{{- toYaml .rule }}
{{- end }}
{{- end }}

{{/* An alert with what its own values change: .root, .rule, .own. */}}
{{- define "m365.alert" -}}
{{- $rule := .rule }}
{{- $values := .root.Values.prometheusRule }}
{{- $expr := $rule.expr }}
{{- range include "m365.thresholds" .root | fromYamlArray }}
{{- $number := index $values.thresholds .name }}
{{- if and (eq .alert $rule.alert) (eq .severity $rule.labels.severity) (ne (float64 .default) (float64 $number)) }}
{{- $expr = $expr | replace (print .before .default .after) (print .before $number .after) }}
{{- end }}
{{- end }}
{{- $labels := merge (dict) (default dict .own.labels) $values.ruleLabels $rule.labels }}
{{- with .own.severity }}{{ $labels = set $labels "severity" . }}{{ end }}
{{- toYaml (merge (dict "expr" $expr "labels" $labels) (pick .own "for" "keep_firing_for") $rule) }}
{{- end }}
