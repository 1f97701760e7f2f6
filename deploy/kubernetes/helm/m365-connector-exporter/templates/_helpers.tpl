{{- define "m365.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "m365.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "m365.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "m365.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "m365.selector" -}}
app.kubernetes.io/name: {{ include "m365.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Not the labels of the exporter: no Service may select the pods of fetch. */}}
{{- define "m365.fetchSelector" -}}
app.kubernetes.io/name: {{ include "m365.name" . | trunc 57 | trimSuffix "-" }}-fetch
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "m365.labels" -}}
{{ include "m365.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "m365.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "m365.fullname" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "m365.image" -}}
{{- .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* The group of the pod's volumes. On OpenShift the security context constraint assigns it. */}}
{{- define "m365.podSecurityContext" -}}
{{- $own := dict }}
{{- if and .Values.fsGroup (not (.Capabilities.APIVersions.Has "security.openshift.io/v1")) }}
{{- $own = dict "fsGroup" .Values.fsGroup }}
{{- end }}
{{- toYaml (merge $own .Values.podSecurityContext) }}
{{- end }}
