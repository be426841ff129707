// A page writes its settings into the address. Streamlit adds each to the browser's history, and “Back” would lead through
// every setting that was tried, whose address the page then writes anew: no reader would get away from it.

const push = history.pushState;
history.pushState = function (state, unused, address) {
  const stays = address != null && new URL(address, location.href).pathname === location.pathname;
  (stays ? history.replaceState : push).call(history, state, unused, address);
};
