import { describeFaults } from '../support/faultMatrix/faultMatrix.js';

describeFaults('writer');
