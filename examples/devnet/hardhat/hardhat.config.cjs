/** Like the Anvil nodes: their chain id, their first timestamp, and no block by itself. */
module.exports = {
  solidity: '0.8.28',
  networks: {
    hardhat: {
      chainId: 1337,
      initialDate: '2023-11-14T22:13:20Z',
      mining: { auto: false, interval: 0 },
    },
  },
};
