{{/* How the exporter serves: scheme, authentication, route prefix, and the URL of its pages. */}}

{{- define "m365.web.enabled" -}}
{{- if or .Values.web.config .Values.web.existingSecret }}true{{ end }}
{{- end }}

{{- define "m365.web.scheme" -}}
{{- if or .Values.web.config.tls_server_config (and .Values.web.existingSecret .Values.web.tls) }}https{{ else }}http{{ end }}
{{- end }}

{{- define "m365.web.authentication" -}}
{{- $tls := default dict .Values.web.config.tls_server_config }}
{{- if or .Values.web.config.basic_auth_users (hasPrefix "Require" (default "" $tls.client_auth_type)) (and .Values.web.existingSecret .Values.web.authentication) }}true{{ end }}
{{- end }}

{{/* Without a slash at its end: empty, or /m365. */}}
{{- define "m365.web.prefix" -}}
{{- $path := default (urlParse .Values.web.externalURL).path .Values.web.routePrefix | trimAll "/" }}
{{- with $path }}/{{ . }}{{ end }}
{{- end }}

{{- define "m365.web.serviceHost" -}}
{{ include "m365.fullname" . }}.{{ .Release.Namespace }}.svc:{{ .Values.service.port }}
{{- end }}

{{/* The absolute URL of the status page, without a slash at its end. */}}
{{- define "m365.web.url" -}}
{{- if .Values.web.externalURL }}
{{- trimSuffix "/" .Values.web.externalURL }}
{{- else if and .Values.ingress.enabled .Values.ingress.hosts }}
{{- ternary "https" "http" (not (empty .Values.ingress.tls)) }}://{{ first .Values.ingress.hosts }}{{ include "m365.web.prefix" . }}
{{- else }}
{{- include "m365.web.scheme" . }}://{{ include "m365.web.serviceHost" . }}{{ include "m365.web.prefix" . }}
{{- end }}
{{- end }}

{{/* A probe of the kubelet: .probe is its value, .route the route that it requests unless the value has a handler of its own. */}}
{{- define "m365.web.probe" -}}
{{- $root := .root }}
{{- $handler := dict }}
{{- if not (or (hasKey .probe "httpGet") (hasKey .probe "tcpSocket") (hasKey .probe "exec") (hasKey .probe "grpc")) }}
{{- if include "m365.web.authentication" $root }}
{{- $handler = dict "tcpSocket" (dict "port" "http") }}
{{- else }}
{{- $path := printf "%s%s" (include "m365.web.prefix" $root) .route }}
{{- $handler = dict "httpGet" (dict "path" $path "port" "http" "scheme" (include "m365.web.scheme" $root | upper)) }}
{{- end }}
{{- end }}
{{- toYaml (merge $handler .probe) }}
{{- end }}
