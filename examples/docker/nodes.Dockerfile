# The example's nodes and its client. Build it in the repository's root:
#   docker build -f examples/docker/nodes.Dockerfile -t dshackle-example .

ARG NODE_VERSION=20

FROM node:${NODE_VERSION}-slim AS build
ARG PNPM_VERSION=12.21.0
RUN npm install --global --no-audit --no-fund "pnpm@${PNPM_VERSION}"
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.local/share/pnpm/store \
    pnpm install --frozen-lockfile --filter "@dshackle/devnet" \
 && pnpm exec tsc -b examples/devnet \
 && pnpm --filter @dshackle/example-docker --prod deploy /app

FROM node:${NODE_VERSION}-slim
LABEL org.opencontainers.image.title="Dshackle example" \
      org.opencontainers.image.description="A development node and a client" \
      org.opencontainers.image.licenses="Apache-2.0"
# Chopsticks reports every block and every call it does not know; node.mjs says what matters.
ENV NODE_ENV=production \
    LOG_LEVEL=fatal \
    HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app ./
USER 1000:1000
EXPOSE 9944
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.RPC_PORT ?? 9944), { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system_health\",\"params\":[]}' }).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "node.mjs"]
