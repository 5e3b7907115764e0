import { id } from 'ethers';

/** What applications call of {@link storeBytecode}. */
export const storeAbi = [
  'event Stored(uint256 value)',
  'function set(uint256 value)',
  'function value() view returns (uint256)',
] as const;

const selector = (signature: string): string => id(signature).slice(2, 10);

/** `set`: SSTORE(0, argument), LOG1(argument, topic), STOP. */
const set = `5b6004358060005560005 27f${id('Stored(uint256)').slice(2)}60206000a100`;
/** `value`: RETURN(SLOAD(0)). */
const value = '5b60005460005260206000f3';
const dispatch = `60003560e01c8063${selector('set(uint256)')}14601e5763${selector('value()')}1460505760006000fd`;

const runtime = `${dispatch}${set}${value}`.replaceAll(' ', '');
const size = (runtime.length / 2).toString(16).padStart(2, '0');

/** A contract that keeps one number, and tells of each change. Written by hand, for want of a compiler. */
export const storeBytecode: `0x${string}` = `0x60${size}600c60003960${size}6000f3${runtime}`;
