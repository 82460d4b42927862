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
const refuse = (socket, what) => {
  const error = new Error(`gonogo: ${what} is no host of this environment`);
  error.code = 'GONOGO_REFUSED';
  socket.destroy(error);
};
net.Socket.prototype.connect = function guarded(...rest) {
  const host = wanted(rest[0]);
  if (host === null || !hosts.has(host)) {
    process.nextTick(() => refuse(this, host === null ? 'an address' : host));
    return this;
  }
  // A name may lead to a link-local address, where clouds keep the credentials of a machine.
  this.on('lookup', (error, address) => {
    if (/^(::ffff:)?169\.254\.|^fe[89ab]|^fd00:ec2:/i.test(String(address))) {
      refuse(this, `${host} leads to ${address}, which`);
    }
  });
  return connect.apply(this, rest);
};
