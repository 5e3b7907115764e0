import { u8aToHex } from '@polkadot/util';
import type { HeaderJson } from '../chain/header.ts';
import { ScaleReader } from './scale-reader.ts';

/**
 * A header as the older calls write it, of its SCALE encoding (Polkadot specification, definition
 * "Block header").
 *
 * @throws RangeError when it is not one, or has another format
 */
export function decodeHeader(hex: string): HeaderJson {
  const scale = new ScaleReader(hex);
  const parentHash = scale.hex(32);
  const number = `0x${scale.compact().toString(16)}`;
  const stateRoot = scale.hex(32);
  const extrinsicsRoot = scale.hex(32);
  const count = scale.compact();
  const logs: string[] = [];
  for (let i = 0; i < count; i += 1) logs.push(scale.span(() => skipDigestItem(scale)));
  if (scale.left > 0) throw new RangeError(`a header with ${scale.left} bytes more than usual`);
  return { parentHash, number, stateRoot, extrinsicsRoot, digest: { logs } };
}

/** sp_runtime `DigestItem`: its first byte says which one it is. */
function skipDigestItem(scale: ScaleReader): void {
  const type = scale.uint(1);
  switch (type) {
    case 0: // Other
      scale.bytes(scale.compact());
      return;
    case 4: // Consensus
    case 5: // Seal
    case 6: // PreRuntime: all with the id of an engine
      scale.bytes(4);
      scale.bytes(scale.compact());
      return;
    case 8: // RuntimeEnvironmentUpdated
      return;
    default:
      throw new RangeError(`unknown digest item ${type}`);
  }
}

/**
 * What `state_getRuntimeVersion` answers, of what `Core_version` does (sp_version `RuntimeVersion`).
 * Old runtimes end before the last members.
 */
export function decodeRuntimeVersion(hex: string): object {
  const scale = new ScaleReader(hex);
  const [specName, implName] = [scale.text(), scale.text()];
  const [authoringVersion, specVersion, implVersion] = [
    scale.uint(4),
    scale.uint(4),
    scale.uint(4),
  ];
  const apis = Array.from({ length: scale.compact() }, () => [scale.hex(8), scale.uint(4)]);
  const transactionVersion = scale.left >= 4 ? scale.uint(4) : 1;
  const stateVersion = scale.left >= 1 ? scale.uint(1) : 0;
  return {
    specName,
    implName,
    authoringVersion,
    specVersion,
    implVersion,
    apis,
    transactionVersion,
    stateVersion,
  };
}

/** What `state_getMetadata` answers, of what `Metadata_metadata` does: the same without its length. */
export function decodeOpaque(hex: string): string {
  const scale = new ScaleReader(hex);
  return u8aToHex(scale.bytes(scale.compact()));
}

/** The nonce that `AccountNonceApi_account_nonce` answers, whatever its size. */
export function decodeNonce(hex: string): number {
  const scale = new ScaleReader(hex);
  return scale.uint(scale.left);
}
