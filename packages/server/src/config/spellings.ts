/**
 * Other spellings of a key that Dshackle takes too. Only its own keys have them: ours have one
 * name each.
 */
const otherSpellings: Readonly<Record<string, readonly string[]>> = {
  chain: ['blockchain'],
  chains: ['blockchains'],
  headers: ['custom-headers', 'customHeaders'],
  'basic-auth': ['basicAuth'],
  'bearer-auth': ['bearerAuth'],
  'cors-allowed-headers': ['corsAllowedHeaders'],
  'cors-origin': ['corsOrigin'],
  'disable-validation': ['disableValidation'],
  'max-connections': ['maxConnections'],
  'min-peers': ['minPeers'],
  'msg-size': ['msgSize'],
  'preserve-batch-order': ['preserveBatchOrder'],
  'validate-peers': ['validatePeers'],
  'validate-syncing': ['validateSyncing'],
  'validation-interval': ['validationInterval'],
};

/** The one name of each key that has several. */
export const canonicalKeys: ReadonlyMap<string, string> = new Map(
  Object.entries(otherSpellings).flatMap(([key, others]) =>
    others.map((other) => [other, key] as const),
  ),
);

/** Mappings whose keys are the user's own. */
export const freeMappings: ReadonlySet<string> = new Set(['labels', 'headers']);
