//! FTP passive mode on shared ports.
