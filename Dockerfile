FROM golang:1.26 AS build
ARG VERSION=unknown
ARG REVISION=unknown
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath \
    -ldflags "-s -w -X github.com/prometheus/common/version.Version=${VERSION} -X github.com/prometheus/common/version.Revision=${REVISION}" \
    -o /m365_connector_exporter ./cmd/m365_connector_exporter
RUN go run ./deploy/licences >/LICENCES-THIRD-PARTY.txt

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /m365_connector_exporter /m365_connector_exporter
COPY --from=build /src/LICENSE /LICENCES-THIRD-PARTY.txt /
USER 65532:65532
EXPOSE 10587
ENTRYPOINT ["/m365_connector_exporter"]
CMD ["--config.file=/etc/m365_connector_exporter/config.yaml"]
