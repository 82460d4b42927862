// Loaded into newman before anything else: no socket to a host that the environment does not name, whoever asks for it.
'use strict';
const net = require('net');
const hosts = new Set((process.env.GONOGO_HOSTS || '').split(',').filter(Boolean));
const connect = net.Socket.prototype.connect;
const wanted = (first) => {
  const options = Array.isArray(first) ? first[0] : first;
  if (options === null || typeof options !== 'object') {
    return null; // a port alone or a path: nothing here asks that way
  }
  return options.path ? null : String(options.host || options.hostname || 'localhost').replace(/^\[|\]$/g, '').toLowerCase();
};
net.Socket.prototype.connect = function guarded(...rest) {
  const host = wanted(rest[0]);
  if (host === null || !hosts.has(host)) {
    const error = new Error(`gonogo: ${host === null ? 'an address' : host} is no host of this environment`);
    error.code = 'GONOGO_REFUSED';
    process.nextTick(() => this.destroy(error));
    return this;
  }
  return connect.apply(this, rest);
};
