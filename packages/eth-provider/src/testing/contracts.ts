import { id } from 'ethers';

/** What applications call of {@link storeBytecode}. */
export const storeAbi = [
  'event Stored(address indexed by, uint256 value)',
  'function set(uint256 value)',
  'function value() view returns (uint256)',
];

const selector = (signature: string): string => id(signature).slice(2, 10);

/** Takes the selector of the call, and jumps to 0x1e or to `second` for one of two; else it reverts. */
const dispatch = (one: string, other: string, second: string): string =>
  `60003560e01c8063${selector(one)}14601e5763${selector(other)}1460${second}5760006000fd`;

/** Code that leaves this as the code of the contract. */
function deployed(runtime: string): string {
  const length = (runtime.length / 2).toString(16).padStart(2, '0');
  return `0x60${length}600c60003960${length}6000f3${runtime}`;
}

/** A contract that keeps one number, and tells of each change. Written by hand, for want of a compiler. */
export const storeBytecode = deployed(
  [
    dispatch('set(uint256)', 'value()', '51'),
    // set: SSTORE(0, argument), LOG2(argument, topic, caller), STOP.
    `5b6004358060005560005233 7f${id('Stored(address,uint256)').slice(2)} 60206000a200`,
    // value: RETURN(SLOAD(0)).
    '5b60005460005260206000f3',
  ]
    .join('')
    .replaceAll(' ', ''),
);

/** An ENS registry and resolver at once: every name is resolved by it, and to it. */
export const namesBytecode = deployed(
  `${dispatch('resolver(bytes32)', 'addr(bytes32)', '1e')}5b3060005260206000f3`,
);
