# The server. Build it in the repository's root:   docker build -t dshackle .
# Run it:   docker run --rm -p 127.0.0.1:8080:8080 -v "$PWD/dshackle.yaml:/etc/dshackle/dshackle.yaml:ro" dshackle
# In that file `proxy.host` must be 0.0.0.0: inside a container 127.0.0.1 is the container itself.

ARG NODE_VERSION=20

FROM node:${NODE_VERSION}-slim AS build
ARG PNPM_VERSION=12.21.0
RUN npm install --global --no-audit --no-fund "pnpm@${PNPM_VERSION}"
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.local/share/pnpm/store \
    pnpm install --frozen-lockfile --filter "@dshackle/server..." \
 && pnpm exec tsc -b packages/server \
 && pnpm --filter @dshackle/server --prod deploy /app
# What only people and compilers read.
RUN cd /app \
 && find . -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' \) -delete \
 && rm -rf node_modules/.pnpm/@dshackle+*/node_modules/@dshackle/*/dist/testing dist/testing \
 && find . -type d -empty -delete

FROM node:${NODE_VERSION}-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Dshackle" \
      org.opencontainers.image.description="Fault-tolerant load balancer for blockchain APIs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Where the health check asks; change it with `proxy.port`.
ENV NODE_ENV=production \
    DSHACKLE_HEALTH_URL=http://127.0.0.1:8080/
WORKDIR /app
COPY LICENSE ./
# The files stay root's: the server can read them and change nothing. It writes no file at all.
COPY --from=build /app ./
USER 1000:1000
EXPOSE 8080
# Whether the server answers, and not whether its upstreams do: restarting it would not help those.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["node", "-e", "require('node:http').get(process.env.DSHACKLE_HEALTH_URL, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
# Node is the first process and gets SIGTERM itself, which drains and ends with code 0.
ENTRYPOINT ["node", "/app/dist/cli.js"]
CMD ["--config", "/etc/dshackle/dshackle.yaml"]
