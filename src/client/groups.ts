// NOTE FROM THE LEAD to the packaging helper: do NOT replace ipaddr.js by own code. The house rule (TASK: "address parsing is a
// library's") stands above the 12 kB goal. I restored src/client/address.ts. Delete this file, keep ipaddr.js, and only report the figures.
