{{- define "isobath.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "isobath.selector" -}}
app.kubernetes.io/name: isobath
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "isobath.labels" -}}
{{ include "isobath.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "isobath.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "isobath.name" .) }}
{{- end }}

{{- /* The pods of one kind: called with the root, the kind's name and its values. */ -}}
{{- define "isobath.pod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "isobath.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .kind }}
  annotations:
    checksum/settings: {{ $root.Values.settings | sha256sum }}
    {{- with $root.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "isobath.serviceAccount" $root }}
  automountServiceAccountToken: false
  # server.drain_timeout, and the release of the log after it
  terminationGracePeriodSeconds: 40
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "isobath.selector" $root | nindent 10 }}
          app.kubernetes.io/component: {{ .kind }}
  {{- with $root.Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: isobath
      image: "{{ $root.Values.image.repository }}:{{ $root.Values.image.tag }}"
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: ["serve", "--config", "/etc/isobath/isobath.toml"]
      env:
        - {name: ISOBATH_REGION, value: {{ $root.Values.region | quote }}}
        - {name: ISOBATH_BUCKET, value: {{ $root.Values.bucket | quote }}}
        - {name: ISOBATH_CACHE_DIR, value: /cache}
        - {name: ISOBATH_ROLES, value: {{ .values.roles | quote }}}
        - {name: ISOBATH_SERVER__LISTEN, value: "0.0.0.0:7750"}
        - name: POD_IP
          valueFrom: {fieldRef: {fieldPath: status.podIP}}
        - {name: ISOBATH_SERVER__ADVERTISE, value: "{{ if $root.Values.tlsSecret }}https://{{ end }}$(POD_IP):7750"}
        {{- if $root.Values.tlsSecret }}
        - {name: ISOBATH_SERVER__TLS__CERT, value: /etc/isobath-tls/tls.crt}
        - {name: ISOBATH_SERVER__TLS__KEY, value: /etc/isobath-tls/tls.key}
        {{- end }}
      {{- with $root.Values.credentialsSecret }}
      envFrom:
        - secretRef: {name: {{ . | quote }}}
      {{- end }}
      ports:
        - {name: http, containerPort: 7750}
      # It reads the log before it is ready; a long log takes long.
      startupProbe:
        httpGet: {path: /readyz, port: http, scheme: {{ if $root.Values.tlsSecret }}HTTPS{{ else }}HTTP{{ end }}}
        periodSeconds: 2
        failureThreshold: 300
      readinessProbe:
        httpGet: {path: /readyz, port: http, scheme: {{ if $root.Values.tlsSecret }}HTTPS{{ else }}HTTP{{ end }}}
        periodSeconds: 5
        timeoutSeconds: 3
      livenessProbe:
        httpGet: {path: /healthz, port: http, scheme: {{ if $root.Values.tlsSecret }}HTTPS{{ else }}HTTP{{ end }}}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      resources: {{- toYaml .values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: ["ALL"]}
      volumeMounts:
        - {name: cache, mountPath: /cache}
        - {name: tmp, mountPath: /tmp}
        - {name: settings, mountPath: /etc/isobath, readOnly: true}
        {{- if $root.Values.tlsSecret }}
        - {name: tls, mountPath: /etc/isobath-tls, readOnly: true}
        {{- end }}
  volumes:
    - name: cache
      emptyDir: {sizeLimit: {{ .values.cacheSize }}}
    - name: tmp
      emptyDir: {}
    - name: settings
      configMap: {name: {{ include "isobath.name" $root }}}
    {{- if $root.Values.tlsSecret }}
    - name: tls
      secret: {secretName: {{ $root.Values.tlsSecret | quote }}}
    {{- end }}
{{- end }}
