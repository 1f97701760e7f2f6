{{- define "m365.volumes" -}}
- name: config
  configMap: { name: {{ default (include "m365.fullname" .) .Values.existingConfigMap }} }
- name: state
  {{- if .Values.persistence.state.enabled }}
  persistentVolumeClaim: { claimName: {{ default (printf "%s-state" (include "m365.fullname" .)) .Values.persistence.state.existingClaim }} }
  {{- else }}
  emptyDir: { sizeLimit: {{ .Values.persistence.state.size }} }
  {{- end }}
{{- if include "m365.web.enabled" . }}
- name: web
  projected: # one folder, so that web.yml names certificate and key without one
    defaultMode: 0440
    sources:
      - secret: { name: {{ default (printf "%s-web" (include "m365.fullname" .)) .Values.web.existingSecret }} }
      {{- with .Values.web.certificateSecret }}
      - secret: { name: {{ . }} }
      {{- end }}
{{- end }}
{{- if .Values.persistence.exports.enabled }}
- name: exports
  persistentVolumeClaim: { claimName: {{ default (printf "%s-exports" (include "m365.fullname" .)) .Values.persistence.exports.existingClaim }} }
{{- end }}
{{- range .Values.extraFiles }}
- name: {{ .name }}
  {{- if .secret }}
  secret: { secretName: {{ .secret }}, defaultMode: 0440 }
  {{- else }}
  configMap: { name: {{ .configMap }} }
  {{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
