/**
 * The words from which Anvil makes its ten accounts with 10,000 ether each, by the path `m/44'/60'/0'/0/n`.
 * Everybody knows them.
 */
export const devPhrase = 'test test test test test test test test test test test junk';
