# The base image is Go 1.26.9, by the digest of all its architectures. Dependabot updates tag and digest together.
FROM --platform=$BUILDPLATFORM docker.io/library/golang:1.26.9@sha256:f1f0bcc2c524a3ced375fcb4d1ecb7aa371aa7070e112599aaca45cc02d0101b AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go run ./deploy/licences >/LICENCES-THIRD-PARTY.txt && mkdir /state
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=unknown
ARG REVISION=unknown
# Go compiles for the target on the build machine: no emulation.
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath \
    -ldflags "-s -w -X github.com/prometheus/common/version.Version=${VERSION} -X github.com/prometheus/common/version.Revision=${REVISION}" \
    -o /m365_connector_exporter ./cmd/m365_connector_exporter

FROM scratch
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="m365_connector_exporter" \
      org.opencontainers.image.description="Prometheus exporter for Microsoft 365 connectors" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /m365_connector_exporter /m365_connector_exporter
COPY --from=build /src/LICENSE /LICENCES-THIRD-PARTY.txt /
# A new volume for the state takes over the owner of this folder.
COPY --from=build --chown=65532:65532 /state /var/lib/m365_connector_exporter
USER 65532:65532
EXPOSE 10587
ENTRYPOINT ["/m365_connector_exporter"]
CMD ["--config.file=/etc/m365_connector_exporter/config.yaml"]
