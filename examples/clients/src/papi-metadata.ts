import { metadata as codec, decAnyMetadata } from '@polkadot-api/substrate-bindings';

/**
 * The metadata of a runtime older than its version 15, with what only newer ones describe: that
 * `Core_version` can be called. polkadot-api calls nothing that the metadata does not describe.
 */
export function describeCalls(raw: Uint8Array): Uint8Array {
  const { magicNumber, metadata } = decAnyMetadata(raw);
  if (metadata.tag !== 'v14') return raw;
  const { lookup, pallets, extrinsic, type } = metadata.value;
  const params = lookup[extrinsic.type]?.params ?? [];
  const param = (name: string): number => found(params.find((each) => each.name === name)?.type);
  const system = found(pallets.find(({ name }) => name === 'System'));
  const output = found(system.constants.find(({ name }) => name === 'Version')).type;
  return codec.enc({
    magicNumber,
    metadata: {
      tag: 'v15',
      value: {
        lookup,
        pallets,
        extrinsic: {
          version: extrinsic.version,
          address: param('Address'),
          call: param('Call'),
          signature: param('Signature'),
          extra: param('Extra'),
          signedExtensions: extrinsic.signedExtensions,
        },
        type,
        apis: [
          { name: 'Core', methods: [{ name: 'version', inputs: [], output, docs: [] }], docs: [] },
        ],
        // Of these only the call is read, and of older runtimes no other is known.
        outerEnums: { call: param('Call'), event: type, error: type },
        custom: [],
      },
    },
  });
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the metadata is not that of a Substrate runtime');
  return value;
}
